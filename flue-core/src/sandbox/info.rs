//! What a sandbox is and can do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SandboxPath;

/// The rungs of the ladder, narrowest reach first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SandboxLevel {
    /// In-memory files and an emulated shell.
    Virtual,
    /// A machine of a provider.
    Remote,
    /// The host, under kernel limits.
    Confined,
    /// The host, as the user.
    Local,
}

impl fmt::Display for SandboxLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Virtual => "virtual",
            Self::Remote => "remote",
            Self::Confined => "confined",
            Self::Local => "local",
        })
    }
}

/// What commands can reach over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkReach {
    /// Nothing.
    None,
    /// These hosts or URL prefixes only.
    AllowList(Vec<String>),
    /// Whatever the machine can reach.
    Open,
    /// Whatever the provider allows; this side cannot tell.
    Unknown,
}

/// What a sandbox can do. Tools, prompt and conformance suite follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Runs commands.
    pub exec: bool,
    /// Gives a command its standard input.
    pub stdin: bool,
    /// Shows output while the command runs.
    pub live_output: bool,
    /// Runs a command at a terminal ([`ExecRequest::terminal`](super::ExecRequest)).
    pub terminal: bool,
    /// Has symbolic links.
    pub symlinks: bool,
    /// Runs several commands at a time.
    pub concurrent_exec: bool,
    /// Files outlive the sandbox. They do so by themselves: a stored session does not make them, and is not made by them.
    pub persistent: bool,
    /// Files can be changed.
    pub write: bool,
    /// Holds commands to less, for a subagent ([`Sandbox::narrow`](super::Sandbox::narrow)).
    pub narrow: bool,
    /// What commands can reach.
    pub network: NetworkReach,
}

impl Capabilities {
    /// Everything a shell on a machine has but terminals, with nothing to reach, nothing kept and nothing held back.
    pub fn full() -> Self {
        Self {
            exec: true,
            stdin: true,
            live_output: true,
            terminal: false,
            symlinks: true,
            concurrent_exec: true,
            persistent: false,
            write: true,
            narrow: false,
            network: NetworkReach::None,
        }
    }
}

/// What a sandbox is: told to the model, shown to people, and the base of the conformance suite.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxInfo {
    /// Its rung.
    pub level: SandboxLevel,
    /// Who provides it: `virtual`, `local`, `docker`, …
    pub provider: String,
    /// The directory that relative paths count from.
    pub cwd: SandboxPath,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Facts worth a sentence each to a model that works there: missing programs, limits.
    pub notes: Vec<String>,
}

impl SandboxInfo {
    /// A sandbox of this rung, by this provider, working in `cwd`.
    pub fn new(level: SandboxLevel, provider: impl Into<String>, cwd: SandboxPath, capabilities: Capabilities) -> Self {
        Self { level, provider: provider.into(), cwd, capabilities, notes: Vec::new() }
    }

    /// Adds a fact for the model.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}
