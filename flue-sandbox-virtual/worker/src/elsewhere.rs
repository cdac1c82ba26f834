//! Where there is no containment yet: the types, and `Unsupported`.

use std::convert::Infallible;

use async_trait::async_trait;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{ExecOutput, ExecRequest, FileSystem, Result, Sandbox, SandboxInfo};

/// A virtual sandbox in a process of its own. There is none on this system.
#[derive(Debug)]
pub struct ContainedSandbox(Infallible);

/// Does nothing on this system, where no worker is started.
pub fn init() {}

#[async_trait]
impl Sandbox for ContainedSandbox {
    fn info(&self) -> &SandboxInfo {
        match self.0 {}
    }

    fn fs(&self) -> &dyn FileSystem {
        match self.0 {}
    }

    async fn exec(&self, _: ExecRequest) -> Result<ExecOutput> {
        match self.0 {}
    }

    async fn grep(&self, _: GrepQuery) -> Result<GrepHits> {
        match self.0 {}
    }

    async fn glob(&self, _: GlobQuery) -> Result<GlobHits> {
        match self.0 {}
    }

    async fn close(&self) -> Result<()> {
        match self.0 {}
    }
}
