//! What a run is going to do, from the command line, the agent file and the environment, checked before anything is run.

use std::sync::Arc;
use std::time::Duration;

use flue_core::{AgentSpec, Error, ErrorKind, Result};

use super::event_log::EventLog;
use crate::agent_file::{self, AgentFile};
use crate::args::RunArgs;
use crate::guarded::Guarded;
use crate::host::io_error;
use crate::interrupt::Interrupt;
use crate::overlaid::Overlaid;
use crate::progress::{Detail, Progress};
use crate::transfer::{Collect, Files, Stage};
use crate::{input, wiring};

/// What a run is going to do.
pub(super) struct Plan {
    pub(super) agent: AgentSpec,
    /// What the user is told before anything runs.
    pub(super) warning: Option<&'static str>,
    /// Whose the sandbox's files are.
    pub(super) files: Files,
    /// Where changes are kept aside.
    pub(super) overlaid: Option<Overlaid>,
    pub(super) guarded: Option<Guarded>,
    /// `provider/model`.
    pub(super) model: String,
    pub(super) message: String,
    pub(super) timeout: Option<Duration>,
    pub(super) stages: Vec<Stage>,
    pub(super) collects: Vec<Collect>,
    pub(super) print: Print,
    pub(super) progress: Arc<Progress>,
    pub(super) events: Option<Arc<EventLog>>,
    pub(super) interrupt: Interrupt,
}

/// What goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Print {
    Answer,
    Json,
    Events,
}

impl Plan {
    /// Reads and checks everything that the run depends on. What the command line says beats the agent file.
    ///
    /// # Errors
    /// Whatever the caller has to put right.
    pub(super) fn make(args: RunArgs) -> Result<Self> {
        let print = print(&args)?;
        let file = match &args.agent {
            None => AgentFile::default(),
            Some(agent) => {
                let cwd = std::env::current_dir().map_err(|error| io_error("find the current directory", &error))?;
                AgentFile::load(&agent_file::find(agent, &cwd)?)?
            }
        };
        let AgentFile { fields, instructions } = file;
        let stages = args.sandbox.stages()?;
        let collects = args.sandbox.collects()?;
        let place = wiring::sandbox(&args.sandbox, fields.sandbox, fields.cwd)?;
        let model = wiring::model(args.model.or(fields.model))?;
        let model_name = model.info().spec();
        let instructions = match &args.instructions {
            Some(text) => input::text("instructions", text)?,
            None => instructions,
        };
        let mut agent = AgentSpec::builder(model, place.factory).instructions(instructions);
        if let Some(cwd) = place.cwd {
            agent = agent.cwd(cwd);
        }
        if let Some(tools) = fields.tools {
            agent = agent.builtin_tools(tools);
        }
        if let Some(level) = args.thinking.or(fields.thinking) {
            agent = agent.thinking(level);
        }
        if let Some(turns) = args.max_turns {
            agent = agent.max_turns(turns);
        }
        // Read last, because it may wait for somebody to type.
        let message = message(args.message.as_deref())?;

        let detail = match (args.quiet, args.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Normal,
        };
        let progress = Arc::new(Progress::new(detail, print == Print::Answer));
        agent = agent.observer(progress.clone());
        let interrupt = Interrupt::listen();
        let events = match args.events {
            None => None,
            Some(None) => Some(Arc::new(EventLog::to_stdout(interrupt.token().clone()))),
            Some(Some(path)) => Some(Arc::new(EventLog::to_file(&path, interrupt.token().clone())?)),
        };
        if let Some(events) = &events {
            agent = agent.observer(events.clone());
        }
        let agent = agent.build()?;
        Ok(Self {
            agent,
            warning: place.warning,
            files: place.files,
            overlaid: place.overlaid,
            guarded: place.guarded,
            model: model_name,
            message,
            timeout: args.timeout,
            stages,
            collects,
            print,
            progress,
            events,
            interrupt,
        })
    }
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
