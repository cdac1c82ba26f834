//! How much of the machine a command may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on one command, enforced by the kernel.
///
/// Only [`Limits::processes`] is for a command as a whole. The others hold for each of its processes by itself, because that
/// is what resource limits of Linux are; what all files together take on the disk is not bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Processes and threads at a time. Fewer than 300 can only be had for a command that does not run as root.
    pub processes: u32,
    /// Bytes of memory of a process that are its own (`RLIMIT_DATA`: heap, stacks and private mappings).
    pub memory_bytes: u64,
    /// Bytes of each file that is written (`RLIMIT_FSIZE`).
    pub file_bytes: u64,
    /// Processor time of a process (`RLIMIT_CPU`), in whole seconds, rounded up.
    pub cpu_time: Duration,
    /// Open descriptors of a process (`RLIMIT_NOFILE`), where the host does not set fewer.
    pub open_files: u64,
}

impl Limits {
    /// 512 processes; for each of them 4 GiB of memory, files of 4 GiB, an hour of processor time and 4096 descriptors.
    pub fn new() -> Self {
        Self {
            processes: 512,
            memory_bytes: 4 << 30,
            file_bytes: 4 << 30,
            cpu_time: Duration::from_secs(60 * 60),
            open_files: 4096,
        }
    }

    /// Sets how many processes and threads there may be at a time.
    #[must_use]
    pub fn with_processes(mut self, processes: u32) -> Self {
        self.processes = processes;
        self
    }

    /// Sets how much memory of its own each process may have, in bytes.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets how large each file may get, in bytes.
    #[must_use]
    pub fn with_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets how much processor time each process may take.
    #[must_use]
    pub fn with_cpu_time(mut self, time: Duration) -> Self {
        self.cpu_time = time;
        self
    }

    /// Sets how many descriptors each process may have open.
    #[must_use]
    pub fn with_open_files(mut self, files: u64) -> Self {
        self.open_files = files;
        self
    }

    #[cfg(target_os = "linux")]
    pub(super) fn cpu_seconds(&self) -> u64 {
        let whole = self.cpu_time.as_secs();
        whole.saturating_add(u64::from(self.cpu_time.subsec_nanos() > 0))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
