//! One virtual sandbox.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{ExecOutput, ExecRequest, FileSystem, Result, Sandbox, SandboxInfo};

use crate::files::{Files, failed};
use crate::shell::Shell;
use crate::tree::{Snapshot, TreeFs, TreeVfs};

/// A virtual sandbox: in-memory files and an emulated bash over them. Made by [`Virtual`](crate::Virtual).
pub struct VirtualSandbox {
    info: SandboxInfo,
    files: Files,
    shell: Shell,
    /// What the files are after closing.
    nothing: Snapshot,
}

impl VirtualSandbox {
    pub(crate) fn new(info: SandboxInfo, tree: Arc<TreeFs>, shell: Shell) -> Self {
        let nothing = TreeFs::new(*tree.limits()).snapshot();
        Self { info, files: Files::new(tree, shell.closed()), shell, nothing }
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
        let cwd = request.cwd.clone().unwrap_or_else(|| self.info.cwd.clone());
        self.shell.exec(request, cwd).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        search::grep(&self.files, &query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        search::glob(&self.files, &query).await
    }

    async fn close(&self) -> Result<()> {
        if let Ok(tree) = self.files.tree("close") {
            self.shell.close();
            // Cannot fail: nothing fits into any limits.
            let _ = tree.restore(&self.nothing);
        }
        Ok(())
    }
}

impl fmt::Debug for VirtualSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualSandbox")
            .field("cwd", &self.info.cwd)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
