//! A server of a test's own.

use std::sync::Arc;

use flue_core::{OpenRequest, Result};
use flue_sandbox_remote_e2b::E2b;
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};
use flue_sandbox_remote_testkit::e2b;

pub(crate) struct Server(pub(crate) e2b::E2b);

impl Server {
    pub(crate) async fn start() -> Self {
        Self(e2b::E2b::start().await.unwrap())
    }

    pub(crate) fn machines(&self) -> E2b {
        self.with_key(e2b::API_KEY)
    }

    pub(crate) fn with_key(&self, key: &str) -> E2b {
        let machines = E2b::new(key).unwrap().api_url(&self.0.api_url()).unwrap();
        machines.sandbox_url(self.0.sandbox_url()).unwrap()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::new(self.machines())
    }

    pub(crate) async fn open(&self, id: &str) -> Arc<RemoteSandbox> {
        self.try_open(id).await.unwrap()
    }

    pub(crate) async fn try_open(&self, id: &str) -> Result<Arc<RemoteSandbox>> {
        self.remote().create(OpenRequest::new(id)).await
    }
}
