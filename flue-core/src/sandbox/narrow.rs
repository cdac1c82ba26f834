//! A sandbox as somebody sees its files who is to reach less, where it cannot narrow itself.
//!
//! Invariant: everything that [`Narrowed`] does, it does through the sandbox below it, after it has refused what it must. So
//! what is narrowed can only become narrower, however often that is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::narrowing::cannot_hold;
use super::{
    Bounds, CreateDir, DirEntry, ExecOutput, ExecRequest, FileKind, FileSystem, Metadata, Narrowing, Remove, Sandbox,
    SandboxInfo,
};
use crate::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use crate::{Error, ErrorKind, Result, SandboxPath};

/// A sandbox of which somebody sees less, and which cannot hold commands to that: its files are held back here, call by call,
/// and commands run only if the narrowing does not concern them. Closing it does not close what is below.
///
/// [`Narrowing::apply`] is what makes one where it is needed.
#[derive(Debug)]
pub struct Narrowed {
    below: Arc<dyn Sandbox>,
    info: SandboxInfo,
    bounds: Bounds,
    closed: AtomicBool,
}

impl Narrowed {
    /// `sandbox` as far as `narrowing` lets it be seen.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when commands run and would reach more than the narrowing allows; those of
    /// [`Narrowing::apply`] for the root.
    pub async fn new(sandbox: Arc<dyn Sandbox>, narrowing: &Narrowing) -> Result<Self> {
        if narrowing.concerns_commands(sandbox.info()) {
            return Err(cannot_hold(sandbox.info()));
        }
        let bounds = Bounds::none().and(narrowing, sandbox.info())?;
        bounds.check_root(sandbox.fs()).await?;
        let mut info = bounds.describe(sandbox.info().clone());
        // Those within the root are not followed, since they may change between being looked at and being followed.
        info.capabilities.symlinks &= bounds.root.is_none();
        info.capabilities.narrow = false;
        Ok(Self { below: sandbox, info, bounds, closed: AtomicBool::new(false) })
    }

    fn is_open(&self, operation: &'static str) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed"));
        }
        Ok(())
    }

    /// Refuses a path that is not to be reached. `at_link` says whether the path itself may be a link.
    async fn reach(&self, operation: &'static str, path: &SandboxPath, at_link: bool) -> Result<()> {
        self.is_open(operation)?;
        self.bounds.check_path(operation, path)?;
        let Some(root) = &self.bounds.root else { return Ok(()) };
        let rest = path.strip_prefix(root).unwrap_or_default();
        if !self.below.info().capabilities.symlinks {
            return Ok(());
        }
        let mut at = root.clone();
        let names: Vec<&str> = rest.split('/').filter(|name| !name.is_empty()).collect();
        for (index, name) in names.iter().enumerate() {
            let inside = at.clone();
            at = at.join(name)?;
            let may_be_link = at_link && index + 1 == names.len();
            if !may_be_link && self.is_link(&inside, name, &at).await? {
                let why = "this is a symbolic link, which is not followed here";
                return Err(Error::new(ErrorKind::PermissionDenied, operation, why).with("path", &at));
            }
        }
        Ok(())
    }

    /// Whether `path`, which is `name` in the directory `inside`, is a link.
    async fn is_link(&self, inside: &SandboxPath, name: &str, path: &SandboxPath) -> Result<bool> {
        let fs = self.below.fs();
        match fs.metadata(path).await {
            Ok(found) => Ok(found.is_symlink),
            // A link whose target is missing is not found either.
            Err(error) if error.kind() == ErrorKind::NotFound => match fs.list(inside).await {
                Ok(entries) => Ok(entries.iter().any(|entry| entry.name == name && entry.kind == FileKind::Symlink)),
                Err(_) => Ok(false),
            },
            // Something in the way is no directory: the operation itself will say so.
            Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn change(&self, operation: &'static str, path: &SandboxPath, at_link: bool) -> Result<()> {
        self.reach(operation, path, at_link).await?;
        self.bounds.check_change(operation, path)
    }
}

#[async_trait]
impl Sandbox for Narrowed {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.is_open("exec")?;
        self.bounds.check_exec()?;
        self.below.exec(request).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        self.reach("grep", &query.path, false).await?;
        self.below.grep(query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        self.reach("glob", &query.path, false).await?;
        self.below.glob(query).await
    }

    async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl FileSystem for Narrowed {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.reach("read", path, false).await?;
        self.below.fs().read(path).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.change("write", path, false).await?;
        self.below.fs().write(path, data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.reach("metadata", path, false).await?;
        self.below.fs().metadata(path).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.reach("list", path, false).await?;
        self.below.fs().list(path).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.change("create directory", path, false).await?;
        self.below.fs().create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.change("remove", path, true).await?;
        self.below.fs().remove(path, options).await
    }
}
