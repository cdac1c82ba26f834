//! A sandbox of files in memory, without a shell of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    Capabilities, CreateDir, DirEntry, Error, ErrorKind, ExecOutput, ExecRequest, FileSystem, Metadata, OpenRequest,
    Remove, Result, Sandbox, SandboxFactory, SandboxInfo, SandboxLevel, SandboxPath,
};

use super::lock;
use super::tree::{Refusal, Tree};

/// The base directory.
const BASE: &str = "/workspace";

/// A sandbox of files in memory. It runs commands only through a handler that the test gives it. Clones share one tree.
///
/// ```
/// # use flue_core::{ExecEnd, ExecOutput, ExecRequest, Sandbox};
/// # async fn f() -> flue_core::Result<()> {
/// let factory = flue_core_testkit::MemoryFactory::new()
///     .with_exec(|request: ExecRequest| async move { Ok(ExecOutput::new(ExecEnd::Exited(0), request.command, "")) });
/// # use flue_core::{OpenRequest, SandboxFactory};
/// let sandbox = factory.open(OpenRequest::new("id")).await?;
/// assert_eq!(sandbox.exec(ExecRequest::new("anything")).await?.stdout, "anything");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f()).unwrap();
/// ```
#[derive(Clone)]
pub struct MemorySandbox {
    info: SandboxInfo,
    /// `None` once the sandbox is closed.
    tree: Arc<Mutex<Option<Tree>>>,
    exec: Option<ExecHandler>,
}

impl MemorySandbox {
    /// Whether the sandbox was closed.
    pub fn is_closed(&self) -> bool {
        lock(&self.tree).is_none()
    }

    fn open(cwd: SandboxPath, exec: Option<ExecHandler>) -> Self {
        let mut can = Capabilities::full();
        can.exec = exec.is_some();
        can.stdin = exec.is_some();
        can.live_output = false;
        can.symlinks = false;
        let info = SandboxInfo::new(SandboxLevel::Virtual, "memory", cwd, can);
        Self { info, tree: Arc::new(Mutex::new(Some(Tree::default()))), exec }
    }

    fn with_tree<T>(
        &self,
        operation: &'static str,
        path: &SandboxPath,
        act: impl FnOnce(&mut Tree) -> Result<T, Refusal>,
    ) -> Result<T> {
        let mut tree = lock(&self.tree);
        let tree = tree.as_mut().ok_or_else(|| closed(operation))?;
        act(tree).map_err(|Refusal(kind, message)| Error::new(kind, operation, message).with("path", path))
    }
}

impl fmt::Debug for MemorySandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = lock(&self.tree).as_ref().map(Tree::len);
        f.debug_struct("MemorySandbox").field("entries", &entries).field("exec", &self.exec).finish_non_exhaustive()
    }
}

fn closed(operation: &'static str) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed")
}

#[async_trait]
impl Sandbox for MemorySandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        if self.is_closed() {
            return Err(closed("exec"));
        }
        request.refuse_terminal()?;
        match &self.exec {
            Some(handler) => (handler.0)(request).await,
            None => Err(Error::unsupported("exec", "this sandbox runs no commands")),
        }
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        search::grep(self, &query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        search::glob(self, &query).await
    }

    async fn close(&self) -> Result<()> {
        lock(&self.tree).take();
        Ok(())
    }
}

#[async_trait]
impl FileSystem for MemorySandbox {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.with_tree("read", path, |tree| tree.read(path))
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.with_tree("write", path, |tree| tree.write(path, data))
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.with_tree("metadata", path, |tree| tree.metadata(path))
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.with_tree("list", path, |tree| tree.list(path))
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.with_tree("create directory", path, |tree| tree.create_dir(path, options))
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.with_tree("remove", path, |tree| tree.remove(path, options))
    }
}

/// Opens a [`MemorySandbox`] for each id, and the same one again until it is closed. Clones share what was opened.
#[derive(Debug, Clone, Default)]
pub struct MemoryFactory {
    exec: Option<ExecHandler>,
    opened: Arc<Mutex<BTreeMap<String, MemorySandbox>>>,
}

impl MemoryFactory {
    /// A factory of empty sandboxes whose base directory is `/workspace`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the commands of every sandbox answered by `handler`, which must heed timeout and cancel itself.
    #[must_use]
    pub fn with_exec<F, Fut>(mut self, handler: F) -> Self
    where
        F: Fn(ExecRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ExecOutput>> + Send + 'static,
    {
        self.exec = Some(ExecHandler(Arc::new(move |request| Box::pin(handler(request)))));
        self
    }

    /// The sandbox that was last opened for `id`.
    pub fn opened(&self, id: &str) -> Option<MemorySandbox> {
        lock(&self.opened).get(id).cloned()
    }
}

#[async_trait]
impl SandboxFactory for MemoryFactory {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        let cwd = SandboxPath::new(BASE)?.join(request.cwd.as_deref().unwrap_or_default())?;
        let sandbox = match self.opened(&request.id).filter(|sandbox| !sandbox.is_closed()) {
            Some(mut sandbox) => {
                sandbox.info.cwd = cwd;
                sandbox
            }
            None => MemorySandbox::open(cwd, self.exec.clone()),
        };
        sandbox.create_dir(&sandbox.info.cwd, CreateDir::recursive()).await?;
        lock(&self.opened).insert(request.id, sandbox.clone());
        Ok(Arc::new(sandbox))
    }
}

type ExecFuture = Pin<Box<dyn Future<Output = Result<ExecOutput>> + Send>>;

#[derive(Clone)]
struct ExecHandler(Arc<dyn Fn(ExecRequest) -> ExecFuture + Send + Sync>);

impl fmt::Debug for ExecHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecHandler")
    }
}
