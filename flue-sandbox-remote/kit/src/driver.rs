//! What an adapter implements: one machine that runs scripts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, NetworkReach, OutputSink, Result, SandboxPath};
use tokio::sync::mpsc;

use crate::quote::quote;

/// A connection to one machine. The kit makes a sandbox of it; an adapter says how a script gets there.
///
/// What the kit does itself, and a driver never has to: working directory, environment, exit codes, time limits, cancelling,
/// files, caps on output, and telling a workspace from a fresh one.
#[async_trait]
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// What this machine is and can do. Constant.
    fn facts(&self) -> &Facts;

    /// Runs `call.script` with `/bin/sh`, feeds it `call.stdin` to its end, hands all output to `call.output` as it comes, and
    /// returns once the script ended and all of its output was handed over.
    ///
    /// The kit stops waiting as soon as it has seen the end of the script's output, and drops the future: that must free the
    /// channel, and may leave the processes, which the kit ends. A script that ends without reading its input is no error.
    ///
    /// # Errors
    /// [`Refused::unsent`] only where the script certainly did not start: then the kit may send it again. Any other error is
    /// taken as it is. A connection that is gone is [`ErrorKind::SandboxDied`]: see [`died`].
    async fn run(&self, call: Call) -> Result<Ended, Refused>;

    /// Asks whether the machine lives, while a call is pending. Must be cheap and must not start a machine that stopped.
    ///
    /// # Errors
    /// An error is an answer: the machine is taken to live. No answer at all for [`crate::PROBE_SILENCE`] is death.
    async fn probe(&self) -> Result<Liveness>;

    /// Moves whole files by an interface of the provider, where that is faster than scripts; `None` where there is none.
    fn files(&self) -> Option<&dyn Transfer>;

    /// Frees the connection, if there is one to free, and leaves the machine as it is. The kit makes no call after it. Idempotent.
    async fn disconnect(&self) -> Result<()>;
}

/// A provider's own way to move a whole file. Names are checked, and results verified, by scripts before and after.
#[async_trait]
pub trait Transfer: fmt::Debug + Send + Sync {
    /// Whether this path can be moved so, byte for byte: some interfaces change `%` or `?` in names. Others go by scripts.
    fn takes(&self, path: &SandboxPath) -> bool;

    /// Whether files are read so too. Not where an interface may give other bytes of the same length, which nobody would notice.
    fn reads(&self) -> bool {
        true
    }

    /// Reads a regular file that was there a moment ago. The kit compares the length.
    async fn download(&self, path: &SandboxPath) -> Result<Bytes>;

    /// Writes over an empty file, which has the right owner and permissions, and keeps them. The kit compares the length and moves
    /// the file into place.
    async fn upload(&self, path: &SandboxPath, data: Bytes) -> Result<()>;
}

/// One script to run.
#[non_exhaustive]
pub struct Call {
    /// POSIX shell, for `/bin/sh -c`. At most [`Facts::script_bytes`] long.
    pub script: String,
    /// What the script reads, to its end; nothing when absent. Only with [`Facts::stdin`].
    pub stdin: Option<Bytes>,
    /// What it reads after that, as it comes. Only with [`Facts::feeds`].
    pub(crate) feed: Option<Feed>,
    /// The longest it may run, already rounded up to [`Facts::timeout_unit`] and past the kit's own clock: for providers that
    /// end what their callers forgot. Nothing has to be done with it.
    pub timeout: Option<Duration>,
    /// Takes both streams.
    pub output: Arc<dyn OutputSink>,
}

impl Call {
    /// The script as one line for a login shell of any kind, which is left at once: `exec /bin/sh -c '…'`.
    pub fn command_line(&self) -> String {
        format!("exec /bin/sh -c {}", quote(&self.script))
    }

    /// Whether the script reads anything.
    pub fn has_input(&self) -> bool {
        self.stdin.is_some() || self.feed.is_some()
    }

    /// The next of what the script reads: [`Call::stdin`], then what is fed; `None` at its end. It may never come: stop waiting
    /// for it when the script has ended.
    pub async fn next_input(&mut self) -> Option<Bytes> {
        if let Some(data) = self.stdin.take() {
            return Some(data);
        }
        match &mut self.feed {
            Some(feed) => feed.next().await,
            None => None,
        }
    }

    /// The script as an argument vector: `["/bin/sh", "-c", "…"]`.
    pub fn argv(&self) -> [String; 3] {
        ["/bin/sh".to_owned(), "-c".to_owned(), self.script.clone()]
    }
}

impl fmt::Debug for Call {
    /// Scripts carry commands and file names, input carries environments: only sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("script_bytes", &self.script.len())
            .field("stdin_bytes", &self.stdin.as_ref().map(Bytes::len))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Input of a script that runs already.
#[derive(Debug)]
pub(crate) struct Feed(pub(crate) mpsc::Receiver<Bytes>);

impl Feed {
    async fn next(&mut self) -> Option<Bytes> {
        self.0.recv().await
    }
}

/// How a script ended, as the provider tells it. The kit reads exit codes from the script itself; this explains why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It exited with this status.
    Exited(i32),
    /// A signal killed it.
    Signalled,
    /// The provider's own clock ended it.
    TimedOut,
    /// The stream ended and nothing was said.
    Unknown,
}

/// Why a call gave no end, and whether it can have run.
#[derive(Debug)]
pub struct Refused {
    /// The error.
    pub error: Error,
    /// Whether the script certainly never started.
    pub unsent: bool,
}

impl Refused {
    /// The script never started: a connection that was refused, a rate limit before the request was taken.
    pub fn unsent(error: Error) -> Self {
        Self { error, unsent: true }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, unsent: false }
    }
}

/// Whether a machine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// It does.
    Alive,
    /// It does not.
    Dead(Death),
}

/// Why a sandbox is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Death {
    /// The machine stopped or was deleted.
    Stopped,
    /// It does not answer any more.
    Silent,
    /// The connection broke; the machine may live.
    Disconnected,
    /// Its time to live is over.
    Expired,
    /// It answers, and the workspace is not the one that was left there.
    StateLost,
}

impl Death {
    /// The stable, snake-case name: the fact `reason` of the error.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Silent => "probe_silent",
            Self::Disconnected => "disconnected",
            Self::Expired => "expired",
            Self::StateLost => "state_lost",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Stopped => {
                "the machine stopped while it was needed; open the sandbox again to start or attach to one"
            }
            Self::Silent => "the machine does not answer any more; look at it, then open the sandbox again",
            Self::Disconnected => "the connection broke, what ran may go on; open the sandbox again to attach",
            Self::Expired => "the machine's time to live is over; give it a longer one, and open the sandbox again",
            Self::StateLost => {
                "the workspace is gone: the same name leads to other files now; delete it or take a new name to start afresh"
            }
        }
    }
}

/// The error of a sandbox that is gone, with the fact `reason`.
pub fn died(operation: &'static str, death: Death) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, death.message()).with("reason", death.name())
}

/// What a machine is and can do. The tool set, the prompt and the conformance suite follow it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Facts {
    /// Who provides it: `ssh`, `docker`, …
    pub provider: String,
    /// The workspace's directory: absolute, there already, and where commands start.
    pub root: SandboxPath,
    /// Scripts can be given input. Without it the kit stages input in files.
    pub stdin: bool,
    /// Scripts can be given more input while they run ([`Call::next_input`]), and say what they have to say at once. The kit then
    /// keeps one running, beside [`Facts::calls`], that serves all file operations of a sandbox.
    pub feeds: bool,
    /// Both streams come apart, and byte for byte. Without it the kit frames them in base64, and shows output at the end only.
    pub exact: bool,
    /// Output comes while a script runs.
    pub live: bool,
    /// How many calls may run at a time. The kit keeps one of them for itself: at least two.
    pub calls: usize,
    /// The longest script, in bytes.
    pub script_bytes: usize,
    /// The most output of one call, in bytes, before encoding; `None` where it streams without a bound.
    pub reply_bytes: Option<usize>,
    /// The least bytes of a file that go by [`Driver::files`]: smaller ones are read and written by a single script.
    pub transfer_from: usize,
    /// What the provider counts time limits in. They are rounded up to it.
    pub timeout_unit: Duration,
    /// The machine's files outlive its sandboxes.
    pub persistent: bool,
    /// What commands can reach. Unknown where nobody on this side can tell.
    pub network: NetworkReach,
    /// Facts worth a sentence each to a model that works there.
    pub notes: Vec<String>,
}

impl Facts {
    /// The longest script by default: below the 128 KiB that Linux allows one argument (`MAX_ARG_STRLEN`), quoting included.
    pub const SCRIPT_BYTES: usize = 96 << 10;
    /// How many calls run at a time by default.
    pub const CALLS: usize = 8;

    /// A machine that streams both ways, byte for byte: what a process on a Unix machine gives.
    pub fn new(provider: impl Into<String>, root: SandboxPath) -> Self {
        Self {
            provider: provider.into(),
            root,
            stdin: true,
            feeds: false,
            exact: true,
            live: true,
            calls: Self::CALLS,
            script_bytes: Self::SCRIPT_BYTES,
            reply_bytes: None,
            transfer_from: 0,
            timeout_unit: Duration::from_millis(1),
            persistent: true,
            network: NetworkReach::Unknown,
            notes: Vec::new(),
        }
    }
}
