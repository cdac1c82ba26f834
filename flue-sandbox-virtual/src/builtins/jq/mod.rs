//! The `jq` command: JSON in, filtered JSON out.
//!
//! An interpreter of our own, because a program must end when its execution does, within bounds of memory and of stack, and
//! must print no more than it may: [`machine`] runs what [`syntax`] reads, over the values of [`value`], with the functions
//! of [`library`]. It does what jq 1.6 does, and knows what later versions added. Modules are not there.

mod config;
mod feed;
mod library;
mod machine;
mod round;
mod syntax;
mod value;

use std::sync::Arc;
use std::time::Duration;

use bashkit::{Command, CommandContext, CommandStatus, Error, LimitExceeded, async_trait};

use self::config::{Argument, Config, Fault};
use self::feed::{Feed, Source};
use self::round::Round;
use self::value::{Fields, Heap, Reader, Unreadable, Val, read_one};
use super::Watch;
use super::files::{read_file, resolve};
use super::streaming::{Input, complain, fail};

/// The status of a command line that cannot be, and of files that cannot be read.
const USAGE: i32 = 2;
/// The status of a text that is no program.
const NO_PROGRAM: i32 = 3;
/// Bytes that values may take, in units of [`Watch::memory_bytes`]: a value takes more than its text.
const VALUES_PER_MEMORY: usize = 4;

/// The `jq` command.
pub(super) struct Jq(pub(super) Watch);

#[async_trait]
impl Command for Jq {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let config = match config::read(ctx.args) {
            Ok(config) => config,
            Err(Fault::Help) => {
                ctx.stdout.write_all(config::HELP.as_bytes()).await?;
                return Ok(CommandStatus::success());
            }
            Err(Fault::Version) => {
                ctx.stdout.write_all(config::VERSION.as_bytes()).await?;
                return Ok(CommandStatus::success());
            }
            Err(Fault::Usage(message)) => {
                return fail(&ctx, &format!("{message}\nUse jq --help for help with command-line options."), USAGE)
                    .await;
            }
            Err(Fault::Message(message)) => return fail(&ctx, &message, USAGE).await,
        };
        let limit = self.0.memory_bytes;
        let heap = Heap::new(limit.saturating_mul(VALUES_PER_MEMORY));
        let text = match program_text(&ctx, &config).await {
            Ok(text) => text,
            Err(message) => return fail(&ctx, &message, USAGE).await,
        };
        let (names, globals) = match globals(&ctx, &config, &heap).await {
            Ok(globals) => globals,
            Err(message) => return fail(&ctx, &message, USAGE).await,
        };
        let program = match syntax::parse(&text, &names, &heap) {
            Ok(program) => program,
            Err(mistake) => {
                let message = format!(
                    "error: {} at <top-level>, line {}:\n{text}\njq: 1 compile error",
                    mistake.message, mistake.line
                );
                return fail(&ctx, &message, NO_PROGRAM).await;
            }
        };
        // A program without input leaves what there is to read to others.
        let reads = !config.null_input || text.contains("input");
        let (sources, missing) = if reads { sources(&ctx, &config, limit).await? } else { (Vec::new(), false) };
        let mut feed = Feed::new(&config, &sources, &heap);
        let zone = super::clock::zone(ctx.env);
        let mut round = Round::new(&config, &program, &globals, &heap, zone, &self.0);
        loop {
            let goes_on = round.run(&mut feed);
            if round.has_ended() {
                return Err(Error::ResourceLimit(LimitExceeded::Timeout(Duration::ZERO)));
            }
            let (out, messages) = round.take();
            if !messages.is_empty() {
                match ctx.stderr.write_all(messages.as_bytes()).await {
                    Err(Error::Io(_)) => {}
                    other => other?,
                }
            }
            ctx.stdout.write_all(out.as_bytes()).await?;
            if !goes_on {
                break;
            }
        }
        Ok(CommandStatus::with_code(round.status(missing.then_some(USAGE))))
    }
}

async fn program_text(ctx: &CommandContext<'_>, config: &Config) -> Result<String, String> {
    if !config.from_file {
        return Ok(config.program.clone());
    }
    let file = &config.program;
    let read = read_file(&*ctx.fs, &resolve(ctx.cwd, file)).await;
    let bytes = read.map_err(|why| format!("error: Could not open {file}: {why}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The variables of the command line, and those that are always there.
async fn globals(
    ctx: &CommandContext<'_>,
    config: &Config,
    heap: &Arc<Heap>,
) -> Result<(Vec<String>, Vec<Val>), String> {
    let mut names = vec!["ENV".to_owned(), "ARGS".to_owned()];
    let env: std::collections::BTreeMap<&String, &String> = ctx.env.iter().collect();
    let env: Fields =
        env.into_iter().map(|(name, val)| (name.as_str().into(), Val::text(heap, val.as_str()))).collect();
    let mut named = Fields::new();
    let mut vals = Vec::new();
    for (name, argument) in &config.named {
        let val = argument_value(ctx, name, argument, heap).await?;
        // The first of a name counts.
        if !named.contains_key(name.as_str()) {
            named.insert(name.as_str().into(), val.clone());
        }
        names.insert(2, name.clone());
        vals.insert(0, val);
    }
    let mut positional = Vec::new();
    for argument in &config.positional {
        positional.push(argument_value(ctx, "", argument, heap).await?);
    }
    let args = [("positional", Val::list(heap, positional)), ("named", Val::map(heap, named))];
    let args = Val::map(heap, args.into_iter().map(|(name, val)| (Arc::from(name), val)).collect());
    vals.splice(0..0, [Val::map(heap, env), args]);
    Ok((names, vals))
}

async fn argument_value(
    ctx: &CommandContext<'_>,
    name: &str,
    argument: &Argument,
    heap: &Arc<Heap>,
) -> Result<Val, String> {
    let file = match argument {
        Argument::Text(text) => return Ok(Val::text(heap, text.as_str())),
        Argument::Json(text) => {
            return read_one(text, heap).map_err(|_| match name {
                "" => format!("Invalid JSON text passed to --jsonargs: {text}"),
                name => format!("Invalid JSON text passed to --argjson: {text} (for ${name})"),
            });
        }
        Argument::Slurp(file) | Argument::File(file) | Argument::Raw(file) => file,
    };
    let read = read_file(&*ctx.fs, &resolve(ctx.cwd, file)).await;
    let bytes =
        read.map_err(|why| format!("Bad JSON in --{} {name} {file}: Could not open {file}: {why}", option(argument)))?;
    let text = String::from_utf8_lossy(&bytes);
    if matches!(argument, Argument::Raw(_)) {
        return Ok(Val::text(heap, text));
    }
    let vals: Result<Vec<Val>, Unreadable> = Reader::new(&text, heap).collect();
    let vals = vals.map_err(|Unreadable(why)| format!("Bad JSON in --{} {name} {file}: {why}", option(argument)))?;
    match (argument, vals.as_slice()) {
        (Argument::File(_), [only]) => Ok(only.clone()),
        _ => Ok(Val::list(heap, vals)),
    }
}

fn option(argument: &Argument) -> &'static str {
    match argument {
        Argument::Raw(_) => "rawfile",
        Argument::File(_) => "argfile",
        _ => "slurpfile",
    }
}

/// What there is to read, and whether a file was missing.
async fn sources(ctx: &CommandContext<'_>, config: &Config, limit: usize) -> bashkit::Result<(Vec<Source>, bool)> {
    let mut sources = Vec::new();
    let mut missing = false;
    let stdin = [String::from("-")];
    for file in if config.files.is_empty() { &stdin[..] } else { &config.files } {
        let mut input = match Input::open(ctx, file).await {
            Ok(input) => input,
            Err(why) => {
                complain(ctx, &format!("error: Could not open file {file}: {why}")).await?;
                missing = true;
                continue;
            }
        };
        let mut bytes = Vec::new();
        while let Some(piece) = input.next().await? {
            if bytes.len() + piece.len() > limit {
                complain(ctx, &format!("error: {file}: more than {limit} bytes (VirtualLimits::memory_bytes)")).await?;
                missing = true;
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        sources.push(Source { name: (file != "-").then(|| file.clone()), text });
    }
    Ok((sources, missing))
}
