//! Servers that the scripts of the adapters' tests start.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use flue_core::{Error, ErrorKind, Result};

use crate::scratch::failed;

/// Where the scripts are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../flue-sandbox-remote");

/// A server that ends with this value: its script ends it when standard input ends, also that of a process that was killed.
pub(super) struct Server {
    process: Child,
    /// What the script said, a line each: its directory first.
    pub(super) said: Vec<String>,
}

impl Server {
    /// Starts one, whose script says so many lines, at least one.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] with what this machine lacks.
    pub(super) fn start(script: &str, args: &[&str], lines: usize) -> Result<Self> {
        let path = format!("{SCRIPTS}/{script}");
        let mut command = Command::new("sh");
        command.arg(&path).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| failed("start", path.as_ref(), error))?;
        let out = process.stdout.take().map(BufReader::new);
        let said = out.into_iter().flat_map(BufReader::lines).take(lines).map_while(std::result::Result::ok).collect();
        let server = Self { process, said };
        let first = server.said.first().map_or("", String::as_str);
        if server.said.len() == lines && !first.starts_with("missing") {
            return Ok(server);
        }
        let what =
            first.strip_prefix("missing ").unwrap_or("server that starts here; are the packages of .ci/run installed?");
        Err(Error::new(ErrorKind::Unavailable, "start a server", format!("there is no {what}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It cleans up and ends by itself.
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_cannot_be_started_is_an_error_and_no_server() {
        let error = Server::start("no/such/script.sh", &[], 1).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
