//! What the kernel can be asked to hold commands with, and how far one goes without.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something of the kernel that holds commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mechanism {
    /// A file tree, process table and network of its own for each command.
    Namespaces,
    /// Rules about files, signals and sockets that a process cannot shed.
    Landlock,
    /// A filter of system calls.
    Seccomp,
    /// A bound on how many processes there are.
    ProcessLimit,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Namespaces, Self::Landlock, Self::Seccomp, Self::ProcessLimit];

    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp",
            Self::ProcessLimit => "the limit of processes",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How commands are held, the weaker first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// By Landlock, seccomp and resource limits, among the host's own files and processes.
    Landlock,
    /// In namespaces of their own, with all of the other tier on top.
    Namespaces,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Landlock => "Landlock",
            Self::Namespaces => "namespaces",
        })
    }
}

/// What was found out about one mechanism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which one.
    pub mechanism: Mechanism,
    /// Whether it holds.
    pub holds: bool,
    /// What it holds with, or why it does not.
    pub detail: String,
}

impl Finding {
    #[cfg(target_os = "linux")]
    pub(crate) fn holds(mechanism: Mechanism, detail: impl Into<String>) -> Self {
        Self { mechanism, holds: true, detail: detail.into() }
    }

    pub(crate) fn missing(mechanism: Mechanism, why: impl Into<String>) -> Self {
        Self { mechanism, holds: false, detail: why.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.holds { "holds" } else { "missing" };
        write!(f, "{}: {verdict} ({})", self.mechanism, self.detail)
    }
}
