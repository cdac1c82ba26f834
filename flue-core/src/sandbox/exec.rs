//! Commands of a sandbox: what is asked, and how it ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::reach::ReachLog;
use crate::{Error, Result, SandboxPath};

/// The exit code that stands for "out of time", as `timeout(1)` has it.
const TIMED_OUT_CODE: i32 = 124;

/// A shell command to run. Each one starts from this cwd and environment; no shell state is carried over.
///
/// A NUL in the command or in a value, and a variable's name that is empty or has `=` or NUL in it, are refused with
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
#[derive(Clone)]
#[non_exhaustive]
pub struct ExecRequest {
    /// What the shell is given.
    pub command: String,
    /// Where it starts; the sandbox's base directory when absent. A missing directory is an error.
    pub cwd: Option<SandboxPath>,
    /// Variables laid over the sandbox's own environment.
    pub env: BTreeMap<String, String>,
    /// What the command reads; nothing when absent.
    pub stdin: Option<Bytes>,
    /// The longest it may run. Providers may round up, never down.
    pub timeout: Option<Duration>,
    /// Kills the command, gracefully first where the sandbox can.
    pub cancel: CancellationToken,
    /// Sees output as it comes, where [`Capabilities::live_output`](super::Capabilities) says so.
    pub sink: Option<Arc<dyn OutputSink>>,
    /// Runs it at a terminal of its own, for programs that insist on one, where
    /// [`Capabilities::terminal`](super::Capabilities) says so; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// elsewhere. All that it says is standard output then, and what it is given to read is typed: control characters act as
    /// such, and the end of the input comes once.
    pub terminal: bool,
    /// Where the sandbox says what the command touches, as far as it knows.
    pub reach: Option<Arc<ReachLog>>,
}

impl ExecRequest {
    /// A command in the base directory, with no input, time limit or extra environment.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            cwd: None,
            env: BTreeMap::new(),
            stdin: None,
            timeout: None,
            cancel: CancellationToken::new(),
            sink: None,
            terminal: false,
            reach: None,
        }
    }

    /// Sets where the command starts.
    #[must_use]
    pub fn with_cwd(mut self, cwd: SandboxPath) -> Self {
        self.cwd = Some(cwd);
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn with_env(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Sets what the command reads.
    #[must_use]
    pub fn with_stdin(mut self, stdin: impl Into<Bytes>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Sets the longest the command may run.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the token that kills the command.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sets who sees output as it comes.
    #[must_use]
    pub fn with_sink(mut self, sink: Arc<dyn OutputSink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Runs the command at a terminal of its own.
    #[must_use]
    pub fn with_terminal(mut self) -> Self {
        self.terminal = true;
        self
    }

    /// Sets where the sandbox says what the command touches.
    #[must_use]
    pub fn with_reach(mut self, reach: Arc<ReachLog>) -> Self {
        self.reach = Some(reach);
        self
    }

    /// What a sandbox without terminals answers to this request before anything else.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) when a terminal is asked for.
    pub fn refuse_terminal(&self) -> Result<()> {
        if self.terminal {
            return Err(Error::unsupported("exec", "this sandbox has no terminals; run the command without one"));
        }
        Ok(())
    }
}

impl fmt::Debug for ExecRequest {
    /// Environment values and input may be secrets: only names and sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecRequest")
            .field("command", &self.command)
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("stdin_bytes", &self.stdin.as_ref().map(Bytes::len))
            .field("timeout", &self.timeout)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

/// Which stream a piece of output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Sees the output of a running command. Called in order; must not block.
pub trait OutputSink: Send + Sync {
    /// Takes the next bytes of `stream`, cut anywhere.
    fn output(&self, stream: OutputStream, bytes: &[u8]);
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExecEnd {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Signalled(i32),
    /// It was killed because its time was up.
    TimedOut,
}

/// What a command left behind.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOutput {
    /// How it ended.
    pub end: ExecEnd,
    /// What it wrote to standard output, byte for byte.
    pub stdout: Bytes,
    /// What it wrote to standard error, byte for byte.
    pub stderr: Bytes,
    /// Bytes of standard output that a limit left out.
    pub stdout_dropped: u64,
    /// Bytes of standard error that a limit left out.
    pub stderr_dropped: u64,
}

impl ExecOutput {
    /// A command that ended so, with all of its output.
    pub fn new(end: ExecEnd, stdout: impl Into<Bytes>, stderr: impl Into<Bytes>) -> Self {
        Self { end, stdout: stdout.into(), stderr: stderr.into(), stdout_dropped: 0, stderr_dropped: 0 }
    }

    /// Says how many bytes of each stream were left out.
    #[must_use]
    pub fn with_dropped(mut self, stdout: u64, stderr: u64) -> Self {
        self.stdout_dropped = stdout;
        self.stderr_dropped = stderr;
        self
    }

    /// The status as a shell reports it: 128 and the signal for a killed command, 124 for one out of time.
    pub fn exit_code(&self) -> i32 {
        match self.end {
            ExecEnd::Exited(code) => code,
            ExecEnd::Signalled(signal) => 128_i32.saturating_add(signal),
            ExecEnd::TimedOut => TIMED_OUT_CODE,
        }
    }

    /// Whether it exited with status 0.
    pub fn success(&self) -> bool {
        self.end == ExecEnd::Exited(0)
    }

    /// Standard output as text; bytes that are not UTF-8 become `U+FFFD`.
    pub fn stdout_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text; bytes that are not UTF-8 become `U+FFFD`.
    pub fn stderr_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

impl fmt::Debug for ExecOutput {
    /// What a command wrote may be secret: only sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecOutput")
            .field("end", &self.end)
            .field("stdout_bytes", &self.stdout.len())
            .field("stderr_bytes", &self.stderr.len())
            .field("stdout_dropped", &self.stdout_dropped)
            .field("stderr_dropped", &self.stderr_dropped)
            .finish()
    }
}
