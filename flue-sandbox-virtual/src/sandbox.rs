//! One virtual sandbox.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    Bounds, Error, ErrorKind, ExecOutput, ExecRequest, FileSystem, Narrowing, Result, Sandbox, SandboxInfo, SandboxPath,
};

use crate::files::{Files, failed};
use crate::shell::Shell;
use crate::tree::{Snapshot, TreeFs, TreeVfs, Window};

/// A virtual sandbox: in-memory files and an emulated bash over them. Made by [`Virtual`](crate::Virtual).
pub struct VirtualSandbox {
    info: SandboxInfo,
    bounds: Bounds,
    files: Files,
    shell: Shell,
    /// What the files are after closing. Nothing of a narrowed sandbox's, whose files are another one's.
    nothing: Option<Snapshot>,
}

impl VirtualSandbox {
    pub(crate) fn new(info: SandboxInfo, tree: Arc<TreeFs>, shell: Shell) -> Self {
        let nothing = Some(TreeFs::new(*tree.limits()).snapshot());
        let bounds = Bounds::none();
        Self { info, files: Files::new(tree, shell.closed(), bounds.clone()), bounds, shell, nothing }
    }

    /// This one, held to less: the same files through a narrower window, which the shell has to use too.
    fn held_to(&self, tree: &TreeFs, bounds: Bounds) -> Self {
        let root = bounds.root.as_ref().map(SandboxPath::as_str);
        let tree = Arc::new(tree.through(Window::new(root, bounds.read_only)));
        let shell = self.shell.held_to(&bounds, Arc::clone(&tree) as _);
        let files = Files::new(tree, shell.closed(), bounds.clone());
        Self { info: bounds.describe(self.info.clone()), bounds, files, shell, nothing: None }
    }

    /// The files as they are now, as one value: cheap to take, to keep and to clone.
    ///
    /// Mount points are part of it; what lies behind them is not.
    ///
    /// # Errors
    /// [`ErrorKind::SandboxDied`](flue_core::ErrorKind::SandboxDied) after [`Sandbox::close`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.files.tree("snapshot")?.snapshot())
    }

    /// Puts the files back to what they were, here or in another sandbox. Commands that run meanwhile go on with them.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](flue_core::ErrorKind::LimitExceeded) when the snapshot holds more than this sandbox may,
    /// [`ErrorKind::SandboxDied`](flue_core::ErrorKind::SandboxDied) after [`Sandbox::close`].
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        self.files.tree("restore")?.restore(snapshot).map_err(|error| failed("restore", "/", error))
    }

    /// The files as a file system of the `vfs` ecosystem, live.
    ///
    /// # Errors
    /// [`ErrorKind::SandboxDied`](flue_core::ErrorKind::SandboxDied) after [`Sandbox::close`].
    pub fn vfs(&self) -> Result<TreeVfs> {
        Ok(TreeVfs::new(Arc::clone(self.files.tree("vfs")?)))
    }
}

#[async_trait]
impl Sandbox for VirtualSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        &self.files
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.files.tree("exec")?;
        self.bounds.check_exec()?;
        let cwd = request.cwd.clone().unwrap_or_else(|| self.info.cwd.clone());
        self.shell.exec(request, cwd).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        search::grep(&self.files, &query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        search::glob(&self.files, &query).await
    }

    /// Holds files and commands to less, all of it. What the application's own commands do is the application's to say.
    async fn narrow(&self, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        let tree = self.files.tree("narrow sandbox")?;
        let bounds = self.bounds.and(narrowing, &self.info)?;
        bounds.check_root(&self.files).await?;
        let narrowed = self.held_to(tree, bounds);
        // A window shows the directories on the way to its root and nothing beside them, so no link on that way.
        narrowed.bounds.check_root(&narrowed.files).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => linked(error),
            _ => error,
        })?;
        Ok(Arc::new(narrowed))
    }

    async fn close(&self) -> Result<()> {
        if let Ok(tree) = self.files.tree("close") {
            self.shell.close();
            if let Some(nothing) = &self.nothing {
                // Cannot fail: nothing fits into any limits.
                let _ = tree.restore(nothing);
            }
        }
        Ok(())
    }
}

fn linked(error: Error) -> Error {
    let why = "a symbolic link leads to the root; name the directory by its own path";
    Error::new(ErrorKind::PermissionDenied, "narrow sandbox", why).with_source(error)
}

impl fmt::Debug for VirtualSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualSandbox")
            .field("cwd", &self.info.cwd)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
