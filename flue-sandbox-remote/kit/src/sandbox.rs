//! One remote sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{ExecOutput, ExecRequest, FileSystem, Result, Sandbox, SandboxInfo};

use crate::call::{Link, exec};
use crate::files::{Files, glob, grep};
use crate::provider::Provider;
use crate::workspace::{AtClose, Secret};

/// A sandbox on a machine of a provider. Made by [`Remote`](crate::Remote).
#[derive(Debug)]
pub struct RemoteSandbox {
    pub(crate) info: SandboxInfo,
    pub(crate) link: Arc<Link>,
    pub(crate) files: Files,
    pub(crate) env: BTreeMap<String, Secret>,
    pub(crate) output_bytes: usize,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) machine: String,
    pub(crate) at_close: AtClose,
}

impl RemoteSandbox {
    /// What the provider calls the machine.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Which workspace this is: the same as long as its files are. Give it to
    /// [`Workspace::generation`](crate::Workspace::generation) to be told when they are not.
    pub fn generation(&self) -> Option<&str> {
        self.link.generation()
    }
}

#[async_trait]
impl Sandbox for RemoteSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        &self.files
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        Box::pin(exec(&self.link, request, &self.info.cwd, &self.env, self.output_bytes)).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        Box::pin(grep(&self.files, &query)).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        Box::pin(glob(&self.files, &query)).await
    }

    /// Ends the commands that run, then does with the machine what [`AtClose`] says.
    async fn close(&self) -> Result<()> {
        if self.link.closed.is_cancelled() {
            return Ok(());
        }
        self.link.close().await?;
        match self.at_close {
            AtClose::Keep => Ok(()),
            AtClose::Stop => self.provider.stop(&self.machine).await,
            AtClose::Delete => self.provider.delete(&self.machine).await,
        }
    }
}
