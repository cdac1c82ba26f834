//! One run of the shell engine: what it is given, and how it is stopped.

use std::future::{IntoFuture, ready};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bashkit::hooks::HookAction;
use bashkit::{Bash, ExecOptions, ExecutionLimits, MemoryLimits, SessionLimits};
use flue_core::{Error, ErrorKind, OutputStream, SandboxPath};

use super::run::{End, Run};
use super::stack::{Guarded, Stack};
use super::{Script, braces, host, offline, outcome, reach};
use crate::{VirtualLimits, builtins};

/// Longer than any execution runs; the engine wants a number.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// The longest script: what Linux takes as one argument (`MAX_ARG_STRLEN`). What parsing it may take of the stack is
/// said in [`super::stack`].
const MAX_SCRIPT_BYTES: usize = 128 << 10;
/// Steps of the parser, far above what the longest script takes.
const MAX_PARSER_STEPS: usize = 10_000_000;
/// The longest that parsing may take.
const PARSER_TIME: Duration = Duration::from_secs(10);
/// Fields that one expansion may be split into, and elements of all arrays together.
const MAX_FIELDS: usize = 1_000_000;

/// Commands that run the command in their arguments.
const WRAPPERS: [&str; 10] =
    ["builtin", "command", "env", "exec", "find", "nice", "nohup", "parallel", "timeout", "xargs"];
/// The most of them in front of one command.
const MAX_CHAIN: usize = 100;
/// Why the stack guard stops an execution.
const NESTED: &str = "commands are nested too deeply; use a loop instead of recursion";

/// Runs `script` and says how it ended. What it writes goes to `run`.
pub(super) async fn execute(script: Script, run: &Arc<Run>, stack: &Arc<Stack>) -> End {
    let time = match script.deadline {
        None => FOREVER,
        Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => left,
            _ => return End::TimedOut,
        },
    };
    if let Some(reason) = builtins::refuse_script(&script.command) {
        run.output.complain(&reason);
        return End::Exited(1);
    }
    let mut bash = build(&script, time, run, stack);
    run.attach(bash.cancellation_token());
    if let Err(error) = check_cwd(&*bash.fs(), &script.cwd).await {
        return End::Refused(error);
    }
    let mut options = ExecOptions::new();
    if let Some(stdin) = &script.stdin {
        options = options.stdin(&**stdin);
    }
    let command = braces::split_ranges(&script.command);
    let execution = bash
        .execute(&command)
        .options(options)
        .stdout_fn(|bytes| {
            run.output.write(OutputStream::Stdout, &bytes);
            ready(Ok(()))
        })
        .stderr_fn(|bytes| {
            run.output.write(OutputStream::Stderr, &bytes);
            ready(Ok(()))
        })
        .into_future();
    let stop = {
        let run = Arc::clone(run);
        move || run.stop(NESTED)
    };
    let result = Guarded::new(execution, stack, stop).await;
    outcome::end(result, run, &script.command)
}

fn build(script: &Script, time: Duration, run: &Arc<Run>, stack: &Arc<Stack>) -> Bash {
    let setup = &script.setup;
    let fs: Arc<dyn bashkit::FileSystem> = match &script.reach {
        None => Arc::clone(&script.fs),
        Some(log) => Arc::new(reach::Recorded::new(Arc::clone(&script.fs), Arc::clone(log))),
    };
    let mut builder = Bash::builder()
        .fs(fs)
        .cwd(script.cwd.as_str())
        .username(&setup.user)
        .hostname(&setup.hostname)
        .limits(execution_limits(&setup.limits, time))
        .memory_limits(memory_limits(&setup.limits))
        .session_limits(SessionLimits::unlimited())
        .builtin_filter(builtins::keep);
    for (name, value) in setup.env.iter().chain(&script.env) {
        builder = builder.env(name, value);
    }
    if let Some(log) = &script.reach {
        log.env(setup.env.keys().chain(script.env.keys()).map(String::as_str));
        builder = builder.command_resolver(Arc::new(reach::Missing(Arc::clone(log))));
    }
    let watch = builtins::Watch::new(watch(script.deadline, run), clamp(setup.limits.memory_bytes));
    builder = offline::install(builtins::register(builder, &watch), script.reach.as_ref());
    for (name, command) in &setup.commands {
        builder = builder.command(name, host::Adapter::new(command, script.application.clone(), &setup.limits));
    }
    #[cfg(feature = "network")]
    if let Some(network) = &setup.network {
        builder = network.install(builder, script.reach.as_ref());
    }
    let (run, stack) = (Arc::clone(run), Arc::clone(stack));
    let log = script.reach.clone();
    let guard = move |mut event: bashkit::hooks::ToolEvent| {
        if let Some(log) = &log {
            log.program(&event.name);
        }
        if !stack.has_room() || is_long_chain(&event.name, &event.args) {
            run.stop(NESTED);
            return HookAction::Cancel(String::new());
        }
        if let Some(reason) = builtins::refuse(&event.name, &event.args) {
            run.output.complain(&reason);
            return HookAction::Cancel(String::new());
        }
        if let Some(args) = builtins::rewrite(&event.name, &event.args) {
            event.args = args;
        }
        HookAction::Continue(event)
    };
    builder.before_tool(Box::new(guard)).build()
}

/// Says whether an execution is to end, for commands that the engine cannot interrupt.
fn watch(deadline: Option<Instant>, run: &Arc<Run>) -> impl Fn() -> bool + Send + Sync + 'static {
    let run = Arc::clone(run);
    move || {
        let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        late || run.is_cancelled() || run.stopped().is_some()
    }
}

/// Whether a command is to run a command that is to run a command … for too long: each holds all words behind it.
fn is_long_chain(name: &str, args: &[String]) -> bool {
    let wraps = |word: &str| WRAPPERS.contains(&word);
    args.len() > MAX_CHAIN && wraps(name) && args.iter().filter(|arg| wraps(arg)).nth(MAX_CHAIN).is_some()
}

fn execution_limits(limits: &VirtualLimits, time: Duration) -> ExecutionLimits {
    ExecutionLimits::new()
        .timeout(time)
        .parser_timeout(PARSER_TIME)
        .max_input_bytes(MAX_SCRIPT_BYTES)
        .max_parser_operations(MAX_PARSER_STEPS)
        .max_commands(clamp(limits.commands))
        .max_loop_iterations(clamp(limits.loop_iterations))
        .max_total_loop_iterations(clamp(limits.loop_iterations))
        .max_live_intermediate_bytes(limits.memory_bytes)
        .max_word_split_fields(MAX_FIELDS)
        .max_word_split_bytes(clamp(limits.memory_bytes))
        // What passes through is not held: the two output streams are bounded by who keeps them, and the sums of work and
        // input by the time.
        .max_stdout_bytes(usize::MAX / 4)
        .max_stderr_bytes(usize::MAX / 4)
        .max_work_units(u64::MAX)
        .max_aggregate_input_bytes(u64::MAX)
}

fn memory_limits(limits: &VirtualLimits) -> MemoryLimits {
    MemoryLimits::new().max_total_variable_bytes(clamp(limits.memory_bytes / 4)).max_array_entries(MAX_FIELDS)
}

fn clamp(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// The engine itself takes any directory, and fails later in ways that do not name it.
async fn check_cwd(fs: &dyn bashkit::FileSystem, cwd: &SandboxPath) -> Result<(), Error> {
    let failed = |kind, message: &'static str| Err(Error::new(kind, "exec", message).with("cwd", cwd));
    match fs.stat(Path::new(cwd.as_str())).await {
        Ok(found) if found.file_type == bashkit::FileType::Directory => Ok(()),
        Ok(_) => failed(ErrorKind::NotADirectory, "the working directory is not a directory"),
        Err(bashkit::Error::Io(error)) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::Io, "exec", "cannot enter the working directory")
                .with("cwd", cwd)
                .with_source(error))
        }
        Err(_) => failed(ErrorKind::NotFound, "the working directory does not exist; create it first"),
    }
}
