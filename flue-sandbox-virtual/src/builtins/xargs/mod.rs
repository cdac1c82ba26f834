//! `xargs`: commands made of what is read, with the exit statuses of GNU findutils.
//!
//! The engine runs a list of commands for a builtin, and tells it nothing about how they ended. So each command of the list
//! is a line of shell that asks this builtin before it runs whether it still should, and reports its status after it ran.

mod config;
mod lines;
mod run;

use std::sync::{Mutex, MutexGuard, PoisonError};

use bashkit::{Builtin, BuiltinContext, ExecResult, ExecutionPlan, StreamData, SubCommand, async_trait};

use self::config::{Config, Fault};
use self::run::{Runs, Step};
use super::files::read_operand;

/// The `xargs` command.
#[derive(Default)]
pub(super) struct Xargs(Mutex<Runs>);

impl Xargs {
    fn runs(&self) -> MutexGuard<'_, Runs> {
        // No step is left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Builtin for Xargs {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        if let Some(step) = Step::read(ctx.args) {
            return Ok(self.runs().take(step));
        }
        Ok(match config::read(ctx.args) {
            // What there is to run goes by the plan.
            Ok(_) => ExecResult::ok(String::new()),
            Err(Fault::Help) => ExecResult::ok(config::HELP.to_owned()),
            Err(Fault::Usage(message)) => super::options::usage_error("xargs", &message, 1),
            Err(Fault::Value(message)) => ExecResult::err(format!("xargs: {message}\n"), 1),
        })
    }

    async fn execution_plan(&self, ctx: &BuiltinContext<'_>) -> bashkit::Result<Option<ExecutionPlan>> {
        if Step::read(ctx.args).is_some() {
            return Ok(None);
        }
        let Ok(config) = config::read(ctx.args) else { return Ok(None) };
        let (input, rest) = match input(ctx, &config).await {
            Ok(input) => input,
            Err(message) => return Ok(Some(batch(self.runs().fail(message), None))),
        };
        let lines = lines::build(&config, &input);
        if lines.commands.is_empty() && lines.error.is_none() {
            return Ok(None);
        }
        Ok(Some(batch(self.runs().begin(&config, lines), rest)))
    }
}

/// The text to take items from, and what is left for the commands to read.
async fn input(ctx: &BuiltinContext<'_>, config: &Config) -> Result<(Vec<u8>, Option<StreamData>), String> {
    match config.file.as_deref() {
        None | Some("-") => Ok((ctx.stdin_bytes().unwrap_or_default().to_vec(), None)),
        Some(file) => match read_operand(ctx, file).await {
            Ok(bytes) => Ok((bytes, ctx.stdin.cloned())),
            Err(why) => Err(format!("Cannot open input file ‘{file}’: {why}")),
        },
    }
}

/// The commands as a plan. The first gets `stdin`, the others have nothing to read.
fn batch(commands: Vec<Vec<String>>, mut stdin: Option<StreamData>) -> ExecutionPlan {
    let commands = commands
        .into_iter()
        .map(|mut words| SubCommand {
            name: words.remove(0),
            args: words,
            stdin: Some(stdin.take().unwrap_or_default()),
            assignments: Vec::new(),
        })
        .collect();
    ExecutionPlan::Batch { commands }
}
