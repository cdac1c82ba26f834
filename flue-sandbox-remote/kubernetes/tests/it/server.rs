//! A server of a test's own.

use std::sync::Arc;

use flue_core::{OpenRequest, Result, Sandbox as _};
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};
use flue_sandbox_remote_kubernetes::Kubernetes;
use flue_sandbox_remote_testkit::kubernetes;

pub(crate) struct Server(pub(crate) kubernetes::Kubernetes);

impl Server {
    pub(crate) async fn start() -> Self {
        Self(kubernetes::Kubernetes::start().await.unwrap())
    }

    pub(crate) fn pool(&self) -> Kubernetes {
        self.of(Kubernetes::pool(kubernetes::POOL))
    }

    pub(crate) fn image(&self) -> Kubernetes {
        self.of(Kubernetes::image("debian"))
    }

    /// On this server. The directory is below where commands start: its machines are directories of this one.
    pub(crate) fn of(&self, machines: Kubernetes) -> Kubernetes {
        machines.server(self.0.url(), kubernetes::TOKEN).namespace(kubernetes::NAMESPACE)
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::new(self.pool())
    }

    pub(crate) async fn open(&self, id: &str) -> Arc<RemoteSandbox> {
        self.try_open(id).await.unwrap()
    }

    pub(crate) async fn try_open(&self, id: &str) -> Result<Arc<RemoteSandbox>> {
        self.remote().create(OpenRequest::new(id)).await
    }

    /// The pod behind a sandbox.
    pub(crate) fn pod(&self, sandbox: &RemoteSandbox) -> String {
        self.0.pod(sandbox.machine()).unwrap()
    }
}

/// What a command says.
pub(crate) async fn said(sandbox: &RemoteSandbox, command: &str) -> String {
    let output = sandbox.exec(flue_core::ExecRequest::new(command)).await.unwrap();
    output.stdout_text().into_owned()
}
