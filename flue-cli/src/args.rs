//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueHint};
use flue_core::Result;
use flue_core::model::ThinkingLevel;

use crate::command::sessions::SessionsArgs;
use crate::exit;
use crate::limits::LimitArgs;
use crate::overlaid::FateArgs;
use crate::policy::PolicyArgs;
use crate::sandbox_kind::SandboxKind;
use crate::store::{SessionArgs, StoreArgs};
use crate::suggest;
use crate::transfer::{Collect, Stage};
use crate::variable::Variable;

const EXAMPLES: &str = "\
Examples:
  flue run -m 'Review document.md' --model anthropic/claude-sonnet-4-6 \\
      --stage document.md --collect review.md
  flue exec --stage data.csv -- 'sort data.csv | uniq -c | sort -rn | head'
  flue chat --sandbox local --ask bash --session fix
  flue models

Exit codes: 0 done, 1 failed, 2 nothing was run because the call has to be
put right, 3 no result, 4 limit reached, 124 out of time, 130 interrupted.
`flue exec` passes codes on.";

const RUN_EXAMPLES: &str = "\
Examples:
  flue run -m 'Review document.md and write your findings to review.md.' \\
      --model scripted/reviewer --stage document.md --collect review.md
  flue run reviewer -m @task.txt --stage src --collect out:results --timeout 10m
  git diff | flue run --model openai/gpt-5.5 --instructions 'Review this.'
  flue run -m 'Make the tests pass.' --sandbox local --review
  flue run --session plan -m 'And the second chapter?' --max-cost 0.50
  flue run -m 'List the risks.' --stage plan.md --schema risks.json | jq .

A session keeps what was said. It keeps no files: those of a virtual sandbox
are gone with the run, and are staged again for the next one.

AGENT is a Markdown file. Its front matter may have the fields name,
description, model, sandbox, cwd, tools, thinking, policy, skills and
subagents; its body is the agent's instructions:
  ---
  model: anthropic/claude-sonnet-4-6
  tools: [read, grep, glob]
  ---
  You review documents. Name the line of every finding.

The answer goes to standard output, everything else to standard error.
Exit codes: 0 done, 1 failed, 2 nothing was run because the call has to be
put right, 3 the result of --schema could not be had, 4 a limit was reached,
124 out of time, 130 interrupted.";

const CHAT_EXAMPLES: &str = "\
Examples:
  flue chat --model anthropic/claude-sonnet-4-6
  flue chat reviewer --session review --stage src
  flue chat --sandbox local --ask bash --ask write --max-cost 2
  printf 'Hello\\nAnd now in French\\n' | flue chat

Each line is a message; one that ends in \\ goes on in the next. Ctrl-C stops
the turn, Ctrl-D ends the chat, /help lists the commands. The files of the
sandbox last as long as the chat; what was said lasts with --session.
Of the limits, time and turns are those of a message, tokens and cost those
of the session. Piped in, each line is answered in turn; exit code 1 says that
one of them failed.";

const SESSIONS_EXAMPLES: &str = "\
Examples:
  flue sessions list
  flue sessions show plan
  flue sessions fork plan other --at 12
  flue sessions export plan > plan.jsonl
  flue sessions import plan.jsonl --store sqlite:work.db

A session is a conversation. No files are kept with it, copied or removed.";

const EXEC_EXAMPLES: &str = "\
Examples:
  flue exec 'echo one; echo two | wc -c'        one argument is shell text
  flue exec -- grep -c 'a b' notes.txt          more are words, quoted for you
  flue exec --stage src --collect out -- sh src/build.sh
  flue exec - < script.sh                       the script is standard input
  printf 'b\\na\\n' | flue exec sort              or it is what the command reads
  flue exec --sandbox local --review -- make fmt   see what it would change

Options of flue stand before COMMAND. What is piped in is read to its end
before the command starts; in a loop that reads a list, add `< /dev/null`.
Exit codes: the command's own; 124 out of time; 125 flue itself failed, 2
because the call has to be put right; 130 interrupted.";

const TRACE_EXAMPLES: &str = "\
Examples:
  flue run --events=run.jsonl -m 'Make the tests pass.' --sandbox local
  flue trace run.jsonl
  flue trace run.jsonl --html run.html

Marks: ✗ failed, ▲ took a tenth of the run or more, ? has no end.";

/// Run agents and commands in sandboxes
#[derive(Debug, Parser)]
#[command(name = "flue", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Let an agent work on a message until it answers
    #[command(after_help = RUN_EXAMPLES)]
    Run(Box<RunArgs>),
    /// Talk with an agent, message by message
    #[command(after_help = CHAT_EXAMPLES)]
    Chat(Box<ChatArgs>),
    /// Look after stored sessions: list, show, fork and
    /// others
    #[command(after_help = SESSIONS_EXAMPLES)]
    Sessions(SessionsArgs),
    /// Look after remote sandboxes: list, stop, delete,
    /// sweep
    #[cfg(feature = "remote")]
    Sandboxes(crate::command::sandboxes::SandboxesArgs),
    /// Run one shell command in a sandbox, without a model
    #[command(after_help = EXEC_EXAMPLES)]
    Exec(Box<ExecArgs>),
    /// List the providers of this build, or the models of one
    Models(ModelsArgs),
    /// Show what happened in a recorded run
    #[command(after_help = TRACE_EXAMPLES)]
    Trace(TraceArgs),
    /// Show what a recorded run touched, and whether less would do
    Reach(ReachArgs),
    /// Try which sandboxes this machine can have, and what it can
    /// enforce
    Doctor(DoctorArgs),
}

/// Who works.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// An agent file, or the name of one in .flue/agents
    pub(crate) agent: Option<PathBuf>,
    /// The model, as provider/model; else the agent
    /// file's, else the one that FLUE_MODEL names
    #[arg(long, value_name = "MODEL", verbatim_doc_comment)]
    pub(crate) model: Option<String>,
    /// What the agent is told first, instead of what its
    /// file says; @FILE reads a file
    #[arg(long, value_name = "TEXT", verbatim_doc_comment)]
    pub(crate) instructions: Option<String>,
    /// How hard the model thinks: off, minimal, low,
    /// medium, high, xhigh or max
    #[arg(long, value_name = "LEVEL", value_parser = thinking(), hide_possible_values = true, verbatim_doc_comment)]
    pub(crate) thinking: Option<ThinkingLevel>,
}

/// Who works, where, and within what bounds: what `run` and `chat` have in common.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    #[command(flatten)]
    pub(crate) who: AgentArgs,
    #[command(flatten)]
    pub(crate) session: SessionArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
    /// Show no progress
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Also show turns, thinking and what tools return
    #[arg(short, long, help_heading = "Output")]
    pub(crate) verbose: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// What to say to the agent; @FILE reads a file,
    /// `-` standard input
    #[arg(short, long, value_name = "TEXT", verbatim_doc_comment)]
    pub(crate) message: Option<String>,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// Say nothing, and go on with the session's last
    /// message, which was interrupted
    #[arg(long, requires = "session", conflicts_with = "message", help_heading = "Session", verbatim_doc_comment)]
    pub(crate) resume: bool,
    /// Have the result in this form, a JSON Schema, and
    /// print it as JSON instead of the answer
    #[arg(long, value_name = "FILE", help_heading = "Output", verbatim_doc_comment)]
    pub(crate) schema: Option<PathBuf>,
    /// Print one JSON object instead of the answer
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print each event as a line of JSON instead of the
    /// answer; or write them to FILE beside it
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        help_heading = "Output",
        verbatim_doc_comment
    )]
    pub(crate) events: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    /// One argument is shell text, `-` a script on standard
    /// input; several are a program and its arguments
    #[arg(value_name = "COMMAND", trailing_var_arg = true, required_unless_present = "script", verbatim_doc_comment)]
    pub(crate) command: Vec<String>,
    /// Run the shell script in FILE
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(crate) script: Option<PathBuf>,
    /// Stop the command after this time: 90, 90s, 15m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Run it at a terminal, for programs that insist on one
    #[arg(long)]
    pub(crate) terminal: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Show what is known of the models of this one:
    /// limits, prices, images, levels of thinking
    #[arg(short, long, value_name = "NAME", verbatim_doc_comment)]
    pub(crate) provider: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// What flue run --events=FILE wrote, or the name of a
    /// stored session
    #[arg(value_name = "FILE|SESSION", verbatim_doc_comment)]
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Write a page for browsers to OUT instead, with
    /// everything in it
    #[arg(long, value_name = "OUT", verbatim_doc_comment)]
    pub(crate) html: Option<PathBuf>,
    /// Fit into N columns [default: the terminal's, or 80]
    #[arg(long, value_name = "N")]
    pub(crate) columns: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    /// What flue run --events=FILE wrote, or the name of a
    /// stored session
    #[arg(value_name = "FILE|SESSION", verbatim_doc_comment)]
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the work happens, and what goes in and out.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct SandboxArgs {
    /// virtual: files in memory, reaches nothing else;
    /// virtual:contained: in a process of its own;
    /// local: this machine itself, nothing isolated;
    /// local:confined: commands held to the directory;
    /// local:overlay: changes kept aside;
    /// local:copy: the same in a copy;
    /// docker:IMAGE: a container, without network;
    /// ssh://USER@HOST:PORT/DIR: another machine;
    /// cloudflare, daytona[:SNAPSHOT], e2b[:TEMPLATE]:
    /// a machine of a provider;
    /// k8s:POOL: a pod of a cluster's warm pool
    /// [default: virtual]
    // In a help text the brackets are what may be left out, not links.
    #[expect(rustdoc::broken_intra_doc_links, reason = "they are none")]
    #[arg(long, value_name = "KIND", value_parser = str::parse::<SandboxKind>, verbatim_doc_comment)]
    pub(crate) sandbox: Option<SandboxKind>,
    /// The directory to work in [default: /workspace;
    /// local: the current one]
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    pub(crate) cwd: Option<String>,
    /// Set a variable for commands, or with KEY alone
    /// pass on this machine's; repeatable
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = Variable::parse, verbatim_doc_comment)]
    pub(crate) env: Vec<Variable>,
    /// Copy a file or directory in first; repeatable
    #[arg(long, value_name = "SRC[:DEST]", value_hint = ValueHint::AnyPath)]
    pub(crate) stage: Vec<OsString>,
    /// Copy one out in the end; repeatable
    #[arg(long, value_name = "PATH[:DEST]")]
    pub(crate) collect: Vec<OsString>,
    /// Virtual: let curl and wget reach URLs that begin
    /// so; repeatable
    #[arg(long, value_name = "URL", verbatim_doc_comment)]
    pub(crate) network_allow: Vec<String>,
    /// Confined: let commands reach a host by its name;
    /// repeatable
    #[arg(long, value_name = "HOST", verbatim_doc_comment)]
    pub(crate) allow_host: Vec<String>,
    /// Confined: let commands write beneath another
    /// directory; repeatable
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    pub(crate) allow_write: Vec<PathBuf>,
    /// Remote: do not delete it in the end; with a name,
    /// go on in what was kept under it
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "", verbatim_doc_comment)]
    pub(crate) keep: Option<String>,
    #[command(flatten, next_help_heading = "Changes of local files, kept aside until the end")]
    pub(crate) fate: FateArgs,
}

impl SandboxArgs {
    /// What to stage, in order.
    ///
    /// # Errors
    /// Those of [`Stage::parse`].
    pub(crate) fn stages(&self) -> Result<Vec<Stage>> {
        self.stage.iter().map(|value| Stage::parse(value)).collect()
    }

    /// What to collect, in order.
    ///
    /// # Errors
    /// Those of [`Collect::parse`].
    pub(crate) fn collects(&self) -> Result<Vec<Collect>> {
        self.collect.iter().map(|value| Collect::parse(value)).collect()
    }
}

/// Prints what is wrong with the command line, or the help or version that was asked for, and gives the exit code.
pub(crate) fn refuse(mut refusal: clap::Error) -> u8 {
    if let Some(ContextValue::String(given)) = refusal.get(ContextKind::InvalidSubcommand)
        && refusal.get(ContextKind::SuggestedSubcommand).is_none()
        && let Some(command) = suggest::nearest(given, COMMANDS)
    {
        refusal.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![command.to_owned()]));
    }
    // There is nobody left to tell when printing fails.
    let _ = refusal.print();
    if refusal.use_stderr() { exit::USAGE } else { exit::DONE }
}

/// The commands, for suggestions where clap has none: it does not see `rnu` as a slip of `run`.
const COMMANDS: [&str; 10] =
    ["run", "chat", "sessions", "sandboxes", "exec", "models", "trace", "reach", "doctor", "help"];

fn thinking() -> impl TypedValueParser<Value = ThinkingLevel> {
    PossibleValuesParser::new(ThinkingLevel::ALL.map(ThinkingLevel::name))
        .map(|name| ThinkingLevel::ALL.into_iter().find(|level| level.name() == name).unwrap_or_default())
}

/// The longest time limit, in seconds: a year.
const MAX_SECONDS: f64 = 366.0 * 24.0 * 3600.0;

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[number.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("the units are ms, s, m and h, as in 90s".to_owned()),
    };
    let seconds = number.parse::<f64>().map_err(|_| "write a number and a unit, as in 90s".to_owned())? * unit;
    if seconds > 0.0 && seconds <= MAX_SECONDS {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it has to be more than 0 and at most a year".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units_and_bounds() {
        for (text, millis) in [("90", 90_000), ("90s", 90_000), ("1.5m", 90_000), ("250ms", 250), ("1h", 3_600_000)] {
            assert_eq!(duration(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "s", "0", "-1", "1d", "1 s", "nan", "inf", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
