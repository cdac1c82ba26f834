//! Commands that an application adds to the shell.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use flue_core::{Result, SandboxPath};
use tokio_util::sync::CancellationToken;

/// One call of a command that the application added to the shell.
#[derive(Clone)]
#[non_exhaustive]
pub struct CommandCall {
    /// The arguments, without the command's name.
    pub args: Vec<String>,
    /// Everything that was piped or redirected into it.
    pub stdin: Bytes,
    /// The shell's working directory.
    pub cwd: SandboxPath,
    /// The shell's exported variables. Whoever wrote the script set them: they are no secret and prove nothing.
    pub env: BTreeMap<String, String>,
    /// Fires when the command is to stop: it was cancelled, its time is up, or nobody waits for it any more.
    ///
    /// The handler's future is dropped at the same time, so this is for work that goes on outside of it.
    pub cancel: CancellationToken,
}

impl CommandCall {
    /// A call from the root directory, without input and environment.
    pub fn new(args: Vec<String>) -> Self {
        Self {
            args,
            stdin: Bytes::new(),
            cwd: SandboxPath::root(),
            env: BTreeMap::new(),
            cancel: CancellationToken::new(),
        }
    }

    /// Sets what was piped or redirected into it.
    #[must_use]
    pub fn with_stdin(mut self, stdin: impl Into<Bytes>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Sets the shell's working directory.
    #[must_use]
    pub fn with_cwd(mut self, cwd: SandboxPath) -> Self {
        self.cwd = cwd;
        self
    }

    /// Sets the shell's exported variables.
    #[must_use]
    pub fn with_env(mut self, env: BTreeMap<String, String>) -> Self {
        self.env = env;
        self
    }

    /// Sets what fires when the command is to stop.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }
}

impl fmt::Debug for CommandCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandCall")
            .field("args", &self.args)
            .field("stdin_bytes", &self.stdin.len())
            .field("cwd", &self.cwd)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What a command of the application answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandOutput {
    /// What it writes to standard output.
    pub stdout: Bytes,
    /// What it writes to standard error.
    pub stderr: Bytes,
    /// Its exit status; 0 is success.
    pub exit_code: i32,
}

impl CommandOutput {
    /// Success, with this on standard output.
    pub fn new(stdout: impl Into<Bytes>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// Failure with this status, and this on standard error.
    pub fn failed(exit_code: i32, stderr: impl Into<Bytes>) -> Self {
        Self { exit_code, stderr: stderr.into(), ..Self::default() }
    }

    /// Sets what it writes to standard error.
    #[must_use]
    pub fn with_stderr(mut self, stderr: impl Into<Bytes>) -> Self {
        self.stderr = stderr.into();
        self
    }
}

impl From<Bytes> for CommandOutput {
    fn from(stdout: Bytes) -> Self {
        Self::new(stdout)
    }
}

impl From<Vec<u8>> for CommandOutput {
    fn from(stdout: Vec<u8>) -> Self {
        Self::new(stdout)
    }
}

impl From<String> for CommandOutput {
    fn from(stdout: String) -> Self {
        Self::new(stdout)
    }
}

impl From<&'static str> for CommandOutput {
    fn from(stdout: &'static str) -> Self {
        Self::new(stdout)
    }
}

type Handled = Pin<Box<dyn Future<Output = Result<CommandOutput>> + Send>>;

/// What answers the calls of one command of the application.
#[derive(Clone)]
pub struct HostCommand(Arc<dyn Fn(CommandCall) -> Handled + Send + Sync>);

impl HostCommand {
    pub(crate) fn new<H, F, O>(handler: H) -> Self
    where
        H: Fn(CommandCall) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O>> + Send + 'static,
        O: Into<CommandOutput>,
    {
        Self(Arc::new(move |call| {
            let handled = handler(call);
            Box::pin(async move { handled.await.map(Into::into) })
        }))
    }

    /// Answers one call.
    ///
    /// # Errors
    /// What the handler fails with.
    pub async fn call(&self, call: CommandCall) -> Result<CommandOutput> {
        (self.0)(call).await
    }
}

impl fmt::Debug for HostCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostCommand")
    }
}
