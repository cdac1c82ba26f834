//! A sandbox as somebody sees it who is to reach less.
//!
//! Invariant: everything that [`Narrowed`] does, it does through the sandbox below it, after it has refused what it must. So
//! what is narrowed can only become narrower, however often that is done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    CreateDir, DirEntry, ExecOutput, ExecRequest, FileKind, FileSystem, Metadata, NetworkReach, Remove, Sandbox,
    SandboxInfo,
};
use crate::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use crate::{Error, ErrorKind, Result, SandboxPath};

/// How much less than a sandbox allows somebody reaches. There are only words for less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Narrowing {
    /// The directory beneath which files are reached, absolute or relative to the working directory. Paths keep their names.
    pub root: Option<String>,
    /// Files are not changed.
    pub read_only: bool,
    /// No commands run.
    pub no_exec: bool,
    /// Commands reach no network.
    pub no_network: bool,
    /// Commands see only these variables of the sandbox's environment.
    pub env: Option<BTreeSet<String>>,
}

impl Narrowing {
    /// Nothing less.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reaches only files beneath this directory. Their paths stay what they are, so that all who work there call a file by the
    /// same name. Symbolic links are not followed.
    #[must_use]
    pub fn root(mut self, dir: impl Into<String>) -> Self {
        self.root = Some(dir.into());
        self
    }

    /// Changes no files.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Runs no commands.
    #[must_use]
    pub fn no_exec(mut self) -> Self {
        self.no_exec = true;
        self
    }

    /// Has commands reach no network.
    #[must_use]
    pub fn no_network(mut self) -> Self {
        self.no_network = true;
        self
    }

    /// Has commands see only these variables.
    #[must_use]
    pub fn only_env<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.env = Some(names.into_iter().map(Into::into).collect());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        match &self.root {
            Some(root) if root.is_empty() => {
                Err(Error::new(ErrorKind::Config, "narrow sandbox", "the root is empty; name a directory"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a sandbox that says this of itself has to narrow itself, because commands run: around them nobody else can.
    pub(crate) fn concerns_commands(&self, info: &SandboxInfo) -> bool {
        let network = self.no_network && info.capabilities.network != NetworkReach::None;
        info.capabilities.exec
            && !self.no_exec
            && (self.root.is_some() || self.read_only || network || self.env.is_some())
    }
}

/// The error of a narrowing that a sandbox cannot hold commands to.
pub(crate) fn cannot_hold(info: &SandboxInfo) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "narrow sandbox",
        "this sandbox cannot hold commands to less files, network or environment than it has itself; say no_exec too",
    )
    .with("provider", &info.provider)
}

/// A sandbox of which somebody sees less. Closing it does not close what is below.
#[derive(Debug)]
pub struct Narrowed {
    below: Arc<dyn Sandbox>,
    info: SandboxInfo,
    root: Option<SandboxPath>,
    env: Option<BTreeSet<String>>,
    closed: AtomicBool,
}

impl Narrowed {
    /// `sandbox` as far as `narrowing` lets it be seen.
    ///
    /// Files are held back here. Commands cannot be: where they may run and are concerned, the sandbox must
    /// [narrow itself](Sandbox::narrow).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when commands would reach more than the narrowing allows;
    /// [`ErrorKind::NotADirectory`], [`ErrorKind::NotFound`] or [`ErrorKind::PermissionDenied`] for a root that is no directory,
    /// not there, or a symbolic link.
    pub async fn new(sandbox: Arc<dyn Sandbox>, narrowing: &Narrowing) -> Result<Self> {
        narrowing.check()?;
        let below =
            if narrowing.concerns_commands(sandbox.info()) { sandbox.narrow(narrowing).await? } else { sandbox };
        let mut info = below.info().clone();
        let root = narrowing.root.as_ref().map(|root| info.cwd.join(root)).transpose()?;
        if let Some(root) = &root {
            let found = below.fs().metadata(root).await?;
            let refused = |kind, why: &'static str| Err(Error::new(kind, "narrow sandbox", why).with("root", root));
            if found.is_symlink {
                return refused(
                    ErrorKind::PermissionDenied,
                    "the root is a symbolic link, which may change; name its target",
                );
            }
            if !found.is_dir() {
                return refused(ErrorKind::NotADirectory, "the root is not a directory");
            }
            if !info.cwd.is_within(root) {
                info.cwd = root.clone();
            }
            info.notes.push(format!("Only files beneath {root} can be reached."));
            info.capabilities.symlinks = false;
        }
        info.capabilities.exec &= !narrowing.no_exec;
        info.capabilities.stdin &= info.capabilities.exec;
        info.capabilities.live_output &= info.capabilities.exec;
        info.capabilities.terminal &= info.capabilities.exec;
        info.capabilities.concurrent_exec &= info.capabilities.exec;
        info.capabilities.narrow &= info.capabilities.exec;
        info.capabilities.write &= !narrowing.read_only;
        if narrowing.no_network {
            info.capabilities.network = NetworkReach::None;
        }
        Ok(Self { below, info, root, env: narrowing.env.clone(), closed: AtomicBool::new(false) })
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
        let Some(root) = &self.root else { return Ok(()) };
        let Some(rest) = path.strip_prefix(root) else {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                operation,
                "this is outside of what may be reached here",
            )
            .with("path", path)
            .with("root", root));
        };
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
        if !self.info.capabilities.write {
            let why = "files cannot be changed here";
            return Err(Error::new(ErrorKind::PermissionDenied, operation, why).with("path", path));
        }
        Ok(())
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

    async fn exec(&self, mut request: ExecRequest) -> Result<ExecOutput> {
        self.is_open("exec")?;
        if !self.info.capabilities.exec {
            return Err(Error::unsupported("exec", "commands cannot be run here"));
        }
        let cwd = request.cwd.get_or_insert_with(|| self.info.cwd.clone()).clone();
        self.reach("exec", &cwd, false).await?;
        if let Some(names) = &self.env {
            request.env.retain(|name, _| names.contains(name));
        }
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

    async fn narrow(&self, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        self.is_open("narrow sandbox")?;
        // Where commands run here, what is below holds them to this narrowing already.
        self.below.narrow(narrowing).await
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
