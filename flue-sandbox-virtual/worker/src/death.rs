//! Why a sandbox ended before it was closed.

use std::fmt;

use flue_core::{Error, ErrorKind};

/// What a worker that takes too much memory writes to standard error before it ends.
pub(crate) const MEMORY_MARK: &str = "flue: memory limit\n";

/// Why the process of a sandbox ended before the sandbox was closed.
///
/// Errors carry the [name](Death::name) as their fact `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Death {
    /// It took more memory than [`Contained::memory_bytes`](crate::Contained::memory_bytes).
    MemoryLimit,
    /// It took more processor time than [`Contained::cpu_time`](crate::Contained::cpu_time).
    CpuLimit,
    /// Something outside killed it: a person, or the system for want of memory.
    Killed,
    /// It broke down, by a stack overflow for instance.
    Crashed,
    /// It did not answer within the time that every call has, and was killed.
    NoAnswer,
    /// What it sent was not what a worker sends, and it was killed.
    Protocol,
}

impl Death {
    /// The stable, snake-case name, for logs and machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::MemoryLimit => "memory_limit",
            Self::CpuLimit => "cpu_limit",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
            Self::NoAnswer => "no_answer",
            Self::Protocol => "protocol",
        }
    }

    /// The error of a call on a sandbox that ended so.
    pub(crate) fn error(self, operation: &'static str) -> Error {
        let message = format!("the sandbox is gone with its files: {self}; open a new one");
        Error::new(ErrorKind::SandboxDied, operation, message).with("reason", self.name())
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MemoryLimit => "it reached its memory limit (Contained::memory_bytes)",
            Self::CpuLimit => "it used up its processor time (Contained::cpu_time)",
            Self::Killed => "its process was killed",
            Self::Crashed => "its process crashed",
            Self::NoAnswer => "its process did not answer in time",
            Self::Protocol => "its process broke the protocol",
        })
    }
}
