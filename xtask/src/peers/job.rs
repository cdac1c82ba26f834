//! The review job of the README, run against a server.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::server::Server;
use super::wires::Wire;
use crate::process;
use crate::report::{Failure, Outcome};

/// How long one run of `flue` may take; a small real model on a busy machine is slow.
const RUN_LIMIT: &str = "300s";
/// More turns than the job has.
const MAX_TURNS: &str = "8";
const PROMPT: &str = "Review document.md and write your findings to review.md.";

/// What is run against each server.
pub(super) struct Job {
    pub(super) root: PathBuf,
    pub(super) flue: PathBuf,
    /// Plays the harness's hard cases.
    pub(super) drive: PathBuf,
    pub(super) document: PathBuf,
    pub(super) scratch: PathBuf,
}

impl Job {
    /// The review, and its JSON reply; `collect` are the files that must come out of it.
    pub(super) fn review(&self, wire: &Wire, server: &Server, collect: &[&str]) -> Outcome<Value> {
        let document = format!("{}:document.md", self.document.display());
        let mut args = vec!["-m", PROMPT, "--json", "--stage", &document];
        for path in collect {
            let _ = fs::remove_file(self.scratch.join(path));
            args.extend(["--collect", path]);
        }
        let output = self.run(wire, server, &args)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("{}: flue failed: {}\n{stderr}", wire.name, output.status)));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("{}: the reply is not JSON: {error}", wire.name)))
    }

    pub(super) fn run(&self, wire: &Wire, server: &Server, args: &[&str]) -> Outcome<Output> {
        self.command(wire, server, args)
            .output()
            .map_err(|error| Failure::new(format!("{}: {error}", self.flue.display())))
    }

    /// `flue run`, pointed at the server.
    pub(super) fn command(&self, wire: &Wire, server: &Server, args: &[&str]) -> Command {
        let mut command = self.pointed(&self.flue, wire, server);
        command
            .args(["run", "--model", wire.model, "--timeout", RUN_LIMIT, "--max-turns", MAX_TURNS])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A program that finds the model behind `wire` at `server`.
    pub(super) fn pointed(&self, program: &Path, wire: &Wire, server: &Server) -> Command {
        let path = wire.at(server.name).unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env(wire.address, format!("http://127.0.0.1:{}{path}", server.port))
            .env(wire.key, "not-a-real-key")
            .envs(wire.env.iter().copied())
            .current_dir(&self.scratch)
            .stdin(Stdio::null());
        command
    }

    /// Runs a test of `flue-models` that is ignored otherwise.
    pub(super) fn test(&self, name: &str, env: &[(&str, &OsStr)]) -> Outcome {
        let name = format!("peers::{name}");
        let args = ["test", "-q", "-p", "flue-models", "--all-features", "--test", "it", &name, "--", "--ignored"];
        let mut command = process::cargo(&self.root, &args);
        command.envs(env.iter().copied());
        process::run(command)
    }

    pub(super) fn collected(&self, name: &str) -> Outcome<String> {
        let path = self.scratch.join(name);
        fs::read_to_string(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }
}
