//! Whole files, by the service inside the machine.

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Result, SandboxPath};
use flue_sandbox_remote_kit::http::Method;
use flue_sandbox_remote_kit::{MAX_FILE_BYTES, Transfer};

use crate::machine::Machine;

#[async_trait]
impl Transfer for Machine {
    /// Paths are parameters, which carry any name.
    fn takes(&self, _: &SandboxPath) -> bool {
        true
    }

    async fn download(&self, path: &SandboxPath) -> Result<Bytes> {
        let request = self.envd.request("read", Method::GET, &["files"])?.query("path", path.as_str());
        let reply = match request.limit(MAX_FILE_BYTES).repeat().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.judge("read", error.into()).await.error.with("path", path)),
        };
        reply.bytes().await.map_err(|error| error.with("path", path))
    }

    async fn upload(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let request = self.envd.request("write", Method::POST, &["files"])?.query("path", path.as_str());
        // The whole file each time: a second one does no harm.
        match request.body("application/octet-stream", data).patient().repeat().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.judge("write", error.into()).await.error.with("path", path)),
        }
    }
}
