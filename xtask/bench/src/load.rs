//! What a client is asked to do, and what it reports: environment variables one way, a JSON line the other.
//!
//! Any program that keeps to this can be measured as a client.

use std::path::PathBuf;
use std::process::Command;

use flue_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// The document under review, unless another one is named.
const DOCUMENT: &str = include_str!("document.md");

/// Where the job is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Each run has a virtual sandbox of its own.
    Virtual,
    /// All runs work in one virtual sandbox, which leaves only the agents to be measured. The floor knows no difference.
    Shared,
}

/// What a client is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The server's base URL.
    pub(crate) base: String,
    /// The model's name, which says what the server plays.
    pub(crate) model: String,
    /// Runs to measure.
    pub(crate) runs: usize,
    /// How many of them at a time.
    pub(crate) concurrent: usize,
    /// Runs before the measuring begins.
    pub(crate) warm: usize,
    /// When not 0: agents to start, and to keep waiting for the server in the middle of their job.
    pub(crate) hold: usize,
    /// When not 0: agents that do their whole job, and are kept.
    pub(crate) idle: usize,
    /// Whether the client has one thread for everything, and not one for each processor.
    pub(crate) single: bool,
    /// Where the job is done.
    pub(crate) place: Place,
    /// Whether Flue's events are written down as lines of JSON.
    pub(crate) events: bool,
    /// The document to review; our own when absent.
    pub(crate) document: Option<PathBuf>,
}

impl Load {
    /// So many runs of the review job, one after the other.
    pub(crate) fn review(runs: usize) -> Self {
        Self {
            base: String::new(),
            model: "scripted".to_owned(),
            runs,
            concurrent: 1,
            warm: 5,
            hold: 0,
            idle: 0,
            single: false,
            place: Place::Virtual,
            events: false,
            document: None,
        }
    }

    /// Writes this to the environment of a client.
    pub(crate) fn apply(&self, command: &mut Command) {
        let place = match self.place {
            Place::Virtual => "virtual",
            Place::Shared => "shared",
        };
        command
            .env("PERF_BASE", &self.base)
            .env("PERF_MODEL", &self.model)
            .env("PERF_N", self.runs.to_string())
            .env("PERF_CONC", self.concurrent.to_string())
            .env("PERF_WARM", self.warm.to_string())
            .env("PERF_HOLD", self.hold.to_string())
            .env("PERF_IDLE", self.idle.to_string())
            .env("PERF_RT", if self.single { "current" } else { "multi" })
            .env("PERF_SANDBOX", place)
            .env("PERF_EVENTS", if self.events { "on" } else { "off" });
        if let Some(document) = &self.document {
            command.env("PERF_DOCUMENT", document);
        }
    }

    /// Reads it back in the client.
    pub(crate) fn from_environment() -> Result<Self> {
        let text = |name: &'static str| {
            std::env::var(name).map_err(|error| {
                Error::new(ErrorKind::Config, "read the load", "a variable is missing")
                    .with("name", name)
                    .with_source(error)
            })
        };
        let count = |name: &'static str| {
            text(name)?.parse::<usize>().map_err(|error| {
                Error::new(ErrorKind::Config, "read the load", "not a count").with("name", name).with_source(error)
            })
        };
        Ok(Self {
            base: text("PERF_BASE")?,
            model: text("PERF_MODEL")?,
            runs: count("PERF_N")?,
            concurrent: count("PERF_CONC")?.max(1),
            warm: count("PERF_WARM")?,
            hold: count("PERF_HOLD")?,
            idle: count("PERF_IDLE")?,
            single: text("PERF_RT")? == "current",
            place: if text("PERF_SANDBOX")? == "shared" { Place::Shared } else { Place::Virtual },
            events: std::env::var("PERF_EVENTS").is_ok_and(|events| events == "on"),
            document: std::env::var_os("PERF_DOCUMENT").map(PathBuf::from),
        })
    }

    /// The document to review.
    pub(crate) fn document(&self) -> Result<String> {
        let Some(path) = &self.document else { return Ok(DOCUMENT.to_owned()) };
        std::fs::read_to_string(path).map_err(|error| {
            Error::new(ErrorKind::Io, "read the document", "it cannot be read")
                .with("path", path.display())
                .with_source(error)
        })
    }
}

/// What the user says in run `id`. The server finds the id again.
pub(crate) fn prompt(id: &str) -> String {
    format!(
        "Review document.md in the current directory: read it, check its length and open TODO markers, and write your \
         review to review.md. [run:{id}]"
    )
}

/// What a client reports. Times are processor time of the client's process, memory is what was in RAM.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    /// Runs that were measured.
    pub(crate) n: usize,
    /// How long they took together, by the clock on the wall.
    pub(crate) wall_ms: f64,
    /// Processor time of one run.
    pub(crate) cpu_self_per_run_ms: f64,
    /// Memory that each agent added.
    pub(crate) kb_per_agent: f64,
    /// Agents that waited, or were kept, when memory was read.
    pub(crate) held: usize,
    /// Runs that went wrong.
    pub(crate) bad: usize,
    /// How the last of them did.
    pub(crate) err: String,
}
