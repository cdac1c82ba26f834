//! What holds a sandbox.

use std::fmt;
use std::time::Duration;

/// What the kernel holds a sandbox's process to. Told by the process before anything runs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(target_os = "linux", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Containment {
    /// The most memory it may take, in bytes.
    pub memory_bytes: u64,
    /// The most processor time it may take, in whole seconds; without end when absent.
    pub cpu_time: Option<Duration>,
    /// Whether it can make only the system calls that it needs: none that opens a file, reaches the network, starts a program
    /// or touches another process.
    pub system_calls_filtered: bool,
}

impl fmt::Display for Containment {
    /// One sentence for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a process of its own with at most {} MiB of memory", self.memory_bytes >> 20)?;
        if let Some(time) = self.cpu_time {
            write!(f, " and {} s of processor time", time.as_secs())?;
        }
        f.write_str(if self.system_calls_filtered {
            ", without files, network, programs or privileges of the host"
        } else {
            ", without privileges; its system calls are not filtered"
        })
    }
}
