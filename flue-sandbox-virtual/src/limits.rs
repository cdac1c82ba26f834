//! What one virtual sandbox may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tree::TreeLimits;

/// What one virtual sandbox may use. Everything has a default that long agent runs stay under.
///
/// Reaching a limit of the files is an ordinary error of the operation or command that reached it. Reaching a limit of a
/// command ends that command; its standard error then names the limit, and the sandbox stays usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualLimits {
    /// Bytes of all files together.
    pub total_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files, directories and links together.
    pub entries: u64,
    /// Bytes kept of each output stream of a command: half from its start and half from its end.
    pub output_bytes: usize,
    /// The longest that a command may run when its caller sets no shorter time; for ever when `None`.
    pub wall_time: Option<Duration>,
    /// Commands that one execution may run, those in loops counted each time.
    pub commands: u64,
    /// Rounds that all loops of one execution may make together.
    pub loop_iterations: u64,
    /// Bytes that one execution may hold at a time in variables, pipes and the working memory of its programs.
    pub memory_bytes: u64,
    /// Executions at a time over all sandboxes of one [`Virtual`](crate::Virtual); more of them wait.
    pub concurrent_execs: usize,
}

impl VirtualLimits {
    /// The default of [`VirtualLimits::total_bytes`]: 256 MiB.
    pub const TOTAL_BYTES: u64 = TreeLimits::TOTAL_BYTES;
    /// The default of [`VirtualLimits::file_bytes`]: 64 MiB.
    pub const FILE_BYTES: u64 = TreeLimits::FILE_BYTES;
    /// The default of [`VirtualLimits::entries`].
    pub const ENTRIES: u64 = TreeLimits::ENTRIES;
    /// The default of [`VirtualLimits::output_bytes`]: 16 MiB.
    pub const OUTPUT_BYTES: usize = 16 << 20;
    /// The default of [`VirtualLimits::wall_time`]: 2 minutes.
    pub const WALL_TIME: Duration = Duration::from_secs(120);
    /// The default of [`VirtualLimits::commands`].
    pub const COMMANDS: u64 = 5_000_000;
    /// The default of [`VirtualLimits::loop_iterations`].
    pub const LOOP_ITERATIONS: u64 = 5_000_000;
    /// The default of [`VirtualLimits::memory_bytes`]: 64 MiB. Peak memory of `jq` and `sed` grows with it.
    pub const MEMORY_BYTES: u64 = 64 << 20;
    /// The stack of each thread that runs a command, and of the one that may parse for it: 256 MiB of address space, of
    /// which only what is touched takes memory. No setting; for those who limit the process.
    pub const STACK_BYTES: usize = crate::shell::STACK_BYTES;
    /// The default of [`VirtualLimits::concurrent_execs`].
    pub const CONCURRENT_EXECS: usize = 64;

    /// Sets [`VirtualLimits::total_bytes`].
    #[must_use]
    pub fn with_total_bytes(mut self, bytes: u64) -> Self {
        self.total_bytes = bytes;
        self
    }

    /// Sets [`VirtualLimits::file_bytes`].
    #[must_use]
    pub fn with_file_bytes(mut self, bytes: u64) -> Self {
        self.file_bytes = bytes;
        self
    }

    /// Sets [`VirtualLimits::entries`].
    #[must_use]
    pub fn with_entries(mut self, entries: u64) -> Self {
        self.entries = entries;
        self
    }

    /// Sets [`VirtualLimits::output_bytes`].
    #[must_use]
    pub fn with_output_bytes(mut self, bytes: usize) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// Sets [`VirtualLimits::wall_time`].
    #[must_use]
    pub fn with_wall_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.wall_time = time.into();
        self
    }

    /// Sets [`VirtualLimits::commands`].
    #[must_use]
    pub fn with_commands(mut self, commands: u64) -> Self {
        self.commands = commands;
        self
    }

    /// Sets [`VirtualLimits::loop_iterations`].
    #[must_use]
    pub fn with_loop_iterations(mut self, iterations: u64) -> Self {
        self.loop_iterations = iterations;
        self
    }

    /// Sets [`VirtualLimits::memory_bytes`].
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets [`VirtualLimits::concurrent_execs`]; at least one is always allowed.
    #[must_use]
    pub fn with_concurrent_execs(mut self, execs: usize) -> Self {
        self.concurrent_execs = execs;
        self
    }

    /// The part that the files keep.
    pub(crate) fn tree(&self) -> TreeLimits {
        TreeLimits::default()
            .with_total_bytes(self.total_bytes)
            .with_file_bytes(self.file_bytes)
            .with_entries(self.entries)
    }
}

impl Default for VirtualLimits {
    fn default() -> Self {
        Self {
            total_bytes: Self::TOTAL_BYTES,
            file_bytes: Self::FILE_BYTES,
            entries: Self::ENTRIES,
            output_bytes: Self::OUTPUT_BYTES,
            wall_time: Some(Self::WALL_TIME),
            commands: Self::COMMANDS,
            loop_iterations: Self::LOOP_ITERATIONS,
            memory_bytes: Self::MEMORY_BYTES,
            concurrent_execs: Self::CONCURRENT_EXECS,
        }
    }
}
