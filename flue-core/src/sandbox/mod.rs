//! A place to work: the traits that every rung of the sandbox ladder implements.

mod address;
mod exec;
mod files;
mod info;
mod narrow;
mod narrowing;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::address::is_special_address;
pub use self::exec::{ExecEnd, ExecOutput, ExecRequest, OutputSink, OutputStream};
pub use self::files::{CreateDir, DirEntry, FileKind, FileSystem, Metadata, Remove};
pub use self::info::{Capabilities, NetworkReach, SandboxInfo, SandboxLevel};
pub use self::narrow::Narrowed;
pub(crate) use self::narrowing::cannot_hold;
pub use self::narrowing::{Bounds, Narrowing};
use crate::Result;
use crate::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};

/// One place to work: files, commands and search over the same tree.
///
/// Implementations are proved by the sandbox suite of `flue-core-testkit`.
#[async_trait]
pub trait Sandbox: fmt::Debug + Send + Sync + 'static {
    /// What this sandbox is and can do. The model is told from it, so it must be true.
    fn info(&self) -> &SandboxInfo;

    /// The files. The same tree that commands see.
    fn fs(&self) -> &dyn FileSystem;

    /// Runs a shell command, which is written for bash, and waits for its end. It sees the sandbox's environment and the
    /// request's, and not this program's.
    ///
    /// A non-zero status, a signal and a timeout are results. Cancelling through the request kills the command and
    /// gives [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled); dropping the future kills it too.
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput>;

    /// Finds the lines that match a regular expression. [`crate::search::grep`] does it over any [`FileSystem`].
    async fn grep(&self, query: GrepQuery) -> Result<GrepHits>;

    /// Finds the files whose path matches a glob. [`crate::search::glob`] does it over any [`FileSystem`].
    async fn glob(&self, query: GlobQuery) -> Result<GlobHits>;

    /// The sandbox as a subagent may see it that reaches less: the same files and commands, both held to what is left. Closing
    /// that does not close this one; closing this one closes that.
    ///
    /// A sandbox that can hold commands to every narrowing says so by [`Capabilities::narrow`], does it here, and what it gives
    /// can be narrowed again ([`Bounds`] keeps the account). The others refuse: [`Narrowing::apply`] then narrows their files
    /// alone, and their subagents run no commands when they are narrowed.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) from a sandbox that cannot; those of [`Narrowing::apply`].
    async fn narrow(&self, _narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        Err(cannot_hold(self.info()))
    }

    /// Ends the sandbox and frees what it holds; later calls give
    /// [`ErrorKind::SandboxDied`](crate::ErrorKind::SandboxDied). Idempotent.
    async fn close(&self) -> Result<()>;
}

/// Opens sandboxes: one for each id.
#[async_trait]
pub trait SandboxFactory: fmt::Debug + Send + Sync + 'static {
    /// Opens the sandbox of this request. Sandboxes that last ([`Capabilities::persistent`]) are attached to when there is one
    /// for the id; the others are new each time.
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>>;
}

#[async_trait]
impl<F: SandboxFactory + ?Sized> SandboxFactory for Arc<F> {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        (**self).open(request).await
    }
}

/// What [`SandboxFactory::open`] is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenRequest {
    /// Who works there: the id that the harness was started under.
    pub id: String,
    /// The directory to work in, absolute or relative to the sandbox's base directory, and made when it is missing; the base
    /// directory itself when absent.
    pub cwd: Option<String>,
}

impl OpenRequest {
    /// A request for `id`, in the sandbox's own base directory.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), cwd: None }
    }

    /// Sets the directory to work in.
    #[must_use]
    pub fn with_cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }
}
