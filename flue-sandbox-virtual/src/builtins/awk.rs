//! `awk`, over the engine's own.
//!
//! When a program first runs a command and then prints, the engine loses what it prints, unless the output of `awk` itself
//! is redirected. So it is, to where it goes anyway.

use bashkit::{Builtin, BuiltinContext, ExecResult, ExecutionPlan, SubCommand, async_trait};

use super::files::quote;

/// The `awk` command, and its other names.
pub(super) struct Awk;

/// The names that it has here.
pub(super) const NAMES: [&str; 3] = ["awk", "gawk", "mawk"];
/// The name that is left to the engine.
const ENGINE_NAME: &str = "nawk";

#[async_trait]
impl Builtin for Awk {
    async fn execute(&self, _ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        // The plan is what runs.
        Ok(ExecResult::err("awk: not run\n", 2))
    }

    async fn execution_plan(&self, ctx: &BuiltinContext<'_>) -> bashkit::Result<Option<ExecutionPlan>> {
        let args = rewrite(ctx.args);
        let (name, args) = if may_run_commands(&args) {
            let words: Vec<String> = args.iter().map(|arg| quote(arg)).collect();
            ("eval", vec![format!("{ENGINE_NAME} {} >&1", words.join(" "))])
        } else {
            (ENGINE_NAME, args)
        };
        let command = SubCommand { name: name.into(), args, stdin: ctx.stdin.cloned(), assignments: Vec::new() };
        Ok(Some(ExecutionPlan::Batch { commands: vec![command] }))
    }
}

/// Whether the program may run a command; one in a file is not looked at.
fn may_run_commands(args: &[String]) -> bool {
    args.iter().any(|arg| {
        let file = arg.starts_with("-f") || arg.starts_with("--file");
        file || arg.contains("system") || arg.replace("||", "").contains('|')
    })
}

/// The arguments, with a `t` as field separator spelt so that it does not mean a tab.
fn rewrite(args: &[String]) -> Vec<String> {
    let mut args = args.to_vec();
    let options = args.iter().position(|arg| !arg.starts_with('-') || arg == "--").unwrap_or(args.len());
    // What follows `-F` is no option any more.
    for at in 0..args.len().min(options + 1) {
        let separator = at > 0 && args[at - 1] == "-F";
        match args[at].as_str() {
            "-Ft" => args[at] = "-F[t]".into(),
            "t" if separator => args[at] = "[t]".into(),
            _ => {}
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_are_seen_in_programs() {
        assert!(may_run_commands(&args(&["{ print | \"sort\" }"])));
        assert!(may_run_commands(&args(&["-f", "x.awk"])));
        assert!(!may_run_commands(&args(&["$1 || $2", "file"])));
    }

    #[test]
    fn a_letter_is_no_tab() {
        assert_eq!(rewrite(&args(&["-F", "t", "t"])), args(&["-F", "[t]", "t"]));
        assert_eq!(rewrite(&args(&["-Ft", "-v", "x=-Ft", "{ print }"])), args(&["-F[t]", "-v", "x=-Ft", "{ print }"]));
    }
}
