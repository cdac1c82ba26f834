//! One local sandbox.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{ExecOutput, ExecRequest, FileSystem, Narrowing, Result, Sandbox, SandboxInfo};
use tokio_util::sync::CancellationToken;

use crate::files::{Files, closed};
use crate::ground::Ground;
use crate::search::Search;
use crate::shell::Shell;

/// A local sandbox: the host's files and processes. Made by [`Local`](crate::Local).
pub struct LocalSandbox {
    info: SandboxInfo,
    files: Files,
    search: Search,
    shell: Shell,
    closed: CancellationToken,
    /// What it was made of, for those who are to have less.
    ground: Ground,
}

impl LocalSandbox {
    /// `closed` is what the parts were made with.
    pub(crate) fn new(
        info: SandboxInfo,
        files: Files,
        search: Search,
        shell: Shell,
        closed: CancellationToken,
        ground: Ground,
    ) -> Self {
        Self { info, files, search, shell, closed, ground }
    }
}

#[async_trait]
impl Sandbox for LocalSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        &self.files
    }

    /// Runs a command as the user, wherever `request` says: commands are not kept in the jail.
    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        let cwd = request.cwd.clone().unwrap_or_else(|| self.info.cwd.clone());
        self.shell.exec(request, cwd).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        self.search.grep(query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        self.search.glob(query).await
    }

    async fn narrow(&self, narrowing: &Narrowing) -> Result<Arc<dyn Sandbox>> {
        if self.closed.is_cancelled() {
            return Err(closed("narrow sandbox"));
        }
        let ground = self.ground.narrow(narrowing, &self.info, &self.files).await?;
        Ok(Arc::new(ground.sandbox(self.info.cwd.clone(), self.closed.child_token())))
    }

    /// Ends the commands that run. What they left in the background before goes on.
    async fn close(&self) -> Result<()> {
        self.closed.cancel();
        Ok(())
    }
}

impl fmt::Debug for LocalSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSandbox").field("cwd", &self.info.cwd).field("shell", &self.shell).finish_non_exhaustive()
    }
}
