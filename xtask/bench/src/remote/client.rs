//! What Flue is held against: the provider's own program, as a person would call it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use flue_core::{Error, ErrorKind, Result};

use super::{Load, Work};
use crate::scratch::failed;

/// Does the same work without Flue.
pub(super) trait Client {
    /// What a row calls it.
    fn name(&self) -> &'static str;

    /// Does it; `false` where it has no way to.
    ///
    /// # Errors
    /// What kept it from being done.
    fn run(&mut self, work: Work) -> Result<bool>;
}

/// A program that is started for each piece of work.
pub(super) struct Program {
    name: &'static str,
    exec: Vec<String>,
    /// Reads the large file, if it reads anything.
    up: Vec<String>,
    /// Writes the file that comes back, if it writes anything.
    down: Vec<String>,
    files: Vec<String>,
    large: PathBuf,
    came: PathBuf,
}

impl Program {
    /// Command lines for each work. `up` finds the large file at its input and `down` is to leave it at its output, unless they
    /// name the files of `load` themselves.
    pub(super) fn new(name: &'static str, load: &Load, [exec, up, down, files]: [Vec<String>; 4]) -> Self {
        Self { name, exec, up, down, files, large: load.large(), came: load.came() }
    }
}

impl Client for Program {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, work: Work) -> Result<bool> {
        let line = match work {
            Work::Exec => &self.exec,
            Work::Up => &self.up,
            Work::Down => &self.down,
            Work::Files => &self.files,
        };
        let (program, args) = line.split_first().ok_or_else(|| broken("it has no command line"))?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null());
        if work == Work::Up {
            command.stdin(File::open(&self.large).map_err(|error| failed("read", &self.large, error))?);
        }
        if work == Work::Down {
            command.stdout(File::create(&self.came).map_err(|error| failed("write", &self.came, error))?);
        }
        command.stderr(Stdio::piped());
        if work != Work::Down {
            command.stdout(Stdio::piped());
        }
        let child = command.spawn().and_then(std::process::Child::wait_with_output);
        let output = child.map_err(|error| failed("run", program.as_ref(), error))?;
        if output.status.success() {
            return Ok(true);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(broken("it failed").with("program", program).with("said", said))
    }
}

fn broken(why: &'static str) -> Error {
    Error::new(ErrorKind::Internal, "run the client", why)
}
