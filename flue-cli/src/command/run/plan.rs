//! What a run is going to do, from the command line, the agent file and the environment, checked before anything is run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flue_core::event::Observer;
use flue_core::{Error, ErrorKind, Result};
use serde_json::Value;

use super::event_log::EventLog;
use crate::args::RunArgs;
use crate::input;
use crate::interrupt::Interrupt;
use crate::setup::{Budget, Setup};

/// What a run is going to do.
pub(super) struct Plan {
    pub(super) setup: Setup,
    pub(super) opening: Opening,
    pub(super) timeout: Option<Duration>,
    /// The form of the result, if one is asked for.
    #[cfg(feature = "schema")]
    pub(super) schema: Option<Value>,
    pub(super) print: Print,
    pub(super) events: Option<Arc<EventLog>>,
    pub(super) interrupt: Interrupt,
}

/// How the run begins.
pub(super) enum Opening {
    /// This is said.
    Message(String),
    /// What was said before is gone on with.
    Resume,
}

/// What goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Print {
    Answer,
    Json,
    Events,
}

impl Plan {
    /// Reads and checks everything that the run depends on.
    ///
    /// # Errors
    /// Whatever the caller has to put right.
    pub(super) async fn make(args: RunArgs) -> Result<Self> {
        let print = print(&args)?;
        let schema = args.schema.as_deref().map(schema).transpose()?;
        let interrupt = Interrupt::default();
        let events = match &args.events {
            None => None,
            Some(None) => Some(Arc::new(EventLog::to_stdout(interrupt.token().clone()))),
            Some(Some(path)) => Some(Arc::new(EventLog::to_file(path, interrupt.token().clone())?)),
        };
        let observers = events.clone().map(|events| events as Arc<dyn Observer>);
        // A result is printed when it is there, and not what is said on the way to it.
        let answers = print == Print::Answer && schema.is_none();
        let setup = Setup::make(&args.work, Budget::Prompt, answers, observers).await?;
        // Read last, because it may wait for somebody to type.
        let opening = if args.resume { Opening::Resume } else { Opening::Message(message(args.message.as_deref())?) };
        interrupt.listen();
        Ok(Self {
            setup,
            opening,
            timeout: args.work.limits.timeout,
            #[cfg(feature = "schema")]
            schema,
            print,
            events,
            interrupt,
        })
    }
}

/// The JSON Schema in a file.
#[cfg(feature = "schema")]
fn schema(path: &Path) -> Result<Value> {
    let wrong = |kind, why: String| Error::new(kind, "read schema", why);
    let name = crate::host::shown(path);
    let text =
        input::file_text(path).map_err(|error| wrong(error.kind(), error.message().to_owned()).with("path", &name))?;
    let schema = serde_json::from_str(&text).map_err(|error| {
        let why = error.to_string();
        // It says the place at its end, too.
        let why = why.split(" at line ").next().unwrap_or_default();
        wrong(ErrorKind::Config, format!("{name}:{}:{}: {why}", error.line(), error.column()))
    })?;
    flue_core::check_output_schema(&schema)
        .map_err(|error| wrong(error.kind(), format!("{name} is no JSON Schema")).with_source(error))?;
    Ok(schema)
}

#[cfg(not(feature = "schema"))]
fn schema(_: &Path) -> Result<Value> {
    Err(Error::unsupported("read schema", "--schema is not built in; build with the feature `schema`"))
}

fn print(args: &RunArgs) -> Result<Print> {
    match (args.json, &args.events) {
        (true, Some(None)) => Err(Error::new(
            ErrorKind::InvalidInput,
            "run",
            "--json and --events both want standard output; write the events to a file: --events=FILE",
        )),
        (true, _) => Ok(Print::Json),
        (false, Some(None)) => Ok(Print::Events),
        (false, _) => Ok(Print::Answer),
    }
}

fn message(given: Option<&str>) -> Result<String> {
    let message = match given {
        Some(text) => input::text("message", text)?,
        None if input::stdin_is_piped() => input::stdin_text("message")?,
        None => String::new(),
    };
    if message.trim().is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "run",
            "there is nothing to say to the agent; give it a message: -m TEXT, -m @FILE, or text piped in",
        ));
    }
    Ok(message)
}
