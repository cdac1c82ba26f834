//! `ln`.

use std::path::{Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use super::super::files::{reason, relative, resolve};
use super::super::options::{LONG, Opt, flag, optional, parse, usage_error, value};
use super::target::Targets;
use super::{Answers, Report, base_name};

/// The `ln` command. There are no hard links here: without `-s` it makes a
/// symbolic link to the absolute path, which reads and writes the same file.
pub(in super::super) struct Ln;

const OPTIONS: &[Opt] = &[
    optional(LONG, "backup"),
    flag('b', "-b"),
    flag('f', "force"),
    flag('i', "interactive"),
    flag('L', "logical"),
    flag('n', "no-dereference"),
    flag('P', "physical"),
    flag('r', "relative"),
    flag('s', "symbolic"),
    value('S', "suffix"),
    value('t', "target-directory"),
    flag('T', "no-target-directory"),
    flag('v', "verbose"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[derive(Default)]
struct Config {
    symbolic: bool,
    relative: bool,
    force: bool,
    ask: bool,
    verbose: bool,
    backup: Option<String>,
}

#[async_trait]
impl Builtin for Ln {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("ln", &message, 1)),
        };
        let mut config = Config::default();
        let mut targets = Targets { operands: parsed.operands, ..Targets::default() };
        for (name, text) in parsed.options {
            match name {
                "symbolic" => config.symbolic = true,
                "relative" => config.relative = true,
                "force" => (config.force, config.ask) = (true, false),
                "interactive" => config.ask = true,
                "verbose" => config.verbose = true,
                "-b" | "backup" => config.backup = Some("~".into()),
                "suffix" => config.backup = text,
                "no-dereference" => targets.links_are_files = true,
                "target-directory" => targets.directory = text,
                "no-target-directory" => {
                    targets.exact = true;
                    targets.links_are_files = true;
                }
                _ => {}
            }
        }
        // A single operand is linked into the current directory.
        if let ([only], None) = (targets.operands.as_slice(), &targets.directory) {
            let here = format!("./{}", base_name(only));
            targets.operands.push(here);
            targets.exact = true;
        }
        let mut report = Report::new("ln");
        let mut answers = Answers::of(&ctx);
        match targets.pairs(&ctx).await {
            Ok(pairs) => {
                for (source, name) in pairs {
                    let linked = link(&ctx, &config, &source, &name, &mut answers, &mut report);
                    if let Err(message) = linked.await {
                        report.fail(&message);
                    }
                }
            }
            Err(message) if message.starts_with("missing") => {
                return Ok(usage_error("ln", &message, 1));
            }
            Err(message) => report.fail(&message),
        }
        Ok(report.into_result())
    }
}

async fn link(
    ctx: &BuiltinContext<'_>,
    config: &Config,
    source: &str,
    name: &str,
    answers: &mut Answers,
    report: &mut Report,
) -> Result<(), String> {
    let path = resolve(ctx.cwd, name);
    let kind = if config.symbolic { "symbolic" } else { "hard" };
    let target = if !config.symbolic {
        let target = resolve(ctx.cwd, source);
        match ctx.fs.stat(&target).await {
            Ok(meta) if meta.file_type.is_dir() => {
                return Err(format!("{source}: hard link not allowed for directory"));
            }
            Ok(_) => target,
            Err(error) => return Err(format!("failed to access '{source}': {}", reason(&error))),
        }
    } else if config.relative {
        let from = path.parent().unwrap_or(Path::new("/"));
        relative(from, &resolve(ctx.cwd, source))
    } else {
        PathBuf::from(source)
    };
    if let Ok(there) = ctx.fs.lstat(&path).await {
        let question = format!("replace '{name}'");
        let replaces = config.force || (config.ask && answers.yes(&question, report));
        if let Some(suffix) = &config.backup {
            let mut backup = path.clone().into_os_string();
            backup.push(suffix);
            let _ = ctx.fs.rename(&path, Path::new(&backup)).await;
        } else if there.file_type.is_dir() && replaces {
            return Err(format!("'{name}': cannot overwrite directory"));
        } else if replaces {
            let _ = ctx.fs.remove(&path, false).await;
        } else {
            return Err(format!("failed to create {kind} link '{name}': File exists"));
        }
    }
    match ctx.fs.symlink(&target, &path).await {
        Ok(()) if config.verbose => {
            let arrow = if config.symbolic { "->" } else { "=>" };
            report.say(&format!("'{name}' {arrow} '{source}'"));
            Ok(())
        }
        Ok(()) => Ok(()),
        Err(error) => Err(format!("failed to create {kind} link '{name}': {}", reason(&error))),
    }
}
