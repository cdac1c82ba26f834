//! The programs that take part: the server and the floor, which may be somebody else's, and the two of ours.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flue_core::{Error, ErrorKind, Result};

pub(crate) use self::server::{Record, Server, ask};
use crate::load::{Load, Report};
use crate::measure::Side;
use crate::scratch::failed;

mod build;
mod server;

/// Addresses that no proxy may stand in the way of.
const NO_PROXY: &str = "127.0.0.1,localhost";

/// What each part is played by.
#[derive(Debug)]
pub(crate) struct Programs {
    own: PathBuf,
    flue: PathBuf,
    other: Option<build::Other>,
}

impl Programs {
    /// Finds what is ours, and builds what is not.
    pub(crate) fn find(flue: Option<PathBuf>, peers: Option<&Path>) -> Result<Self> {
        let own = std::env::current_exe().map_err(|error| failed("find this program", Path::new("."), error))?;
        let flue = flue.unwrap_or_else(|| own.with_file_name("flue"));
        let other = peers.map(build::Other::build).transpose()?;
        Ok(Self { own, flue, other })
    }

    /// A line for the head of the table.
    pub(crate) fn describe(&self) -> String {
        let peers = self.other.as_ref().map_or_else(|| "built in".to_owned(), |other| other.from.display().to_string());
        format!("{:<12} {peers}\n", "peers")
    }

    /// The `flue` program.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it was not built.
    pub(crate) fn flue(&self) -> Result<&Path> {
        if self.flue.is_file() {
            return Ok(&self.flue);
        }
        Err(Error::new(ErrorKind::NotFound, "find flue", "build it first, or name it with --flue")
            .with("path", self.flue.display()))
    }

    /// Starts the server.
    pub(crate) fn start_server(&self) -> Result<Server> {
        let command = match &self.other {
            Some(other) => Command::new(&other.server),
            None => {
                let mut command = Command::new(&self.own);
                command.arg("serve");
                command
            }
        };
        Server::start(command)
    }

    /// A client that will do what `load` says.
    pub(crate) fn command(&self, side: Side, load: &Load) -> Command {
        let mut command = match (side, &self.other) {
            (Side::Floor, Some(other)) => Command::new(&other.floor),
            (side, _) => {
                let mut command = Command::new(&self.own);
                command.arg(if side == Side::Flue { "flue" } else { "floor" });
                command
            }
        };
        load.apply(&mut command);
        if let Some(other) = &self.other {
            command.env("PERF_DOCUMENT", &other.document);
        }
        command.env("NO_PROXY", NO_PROXY).stdin(Stdio::null());
        command
    }

    /// Runs a client to its end and gives its report, the last line that it prints.
    pub(crate) fn client(&self, side: Side, load: &Load) -> Result<Report> {
        let bad =
            |why: &'static str| Error::new(ErrorKind::Internal, "run client", why).with("side", format!("{side:?}"));
        let output = self
            .command(side, load)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| bad("it cannot be started").with_source(error))?;
        if !output.status.success() {
            return Err(bad("it failed; its reasons are above").with("status", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next_back().unwrap_or_default();
        serde_json::from_str(line).map_err(|error| bad("it printed no report").with_source(error))
    }

    /// The document under review, if it is not our own.
    pub(crate) fn document(&self) -> Option<&Path> {
        self.other.as_ref().map(|other| other.document.as_path())
    }
}
