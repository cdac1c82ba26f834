//! A bridge of a test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_cloudflare::Cloudflare;
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};
use flue_sandbox_remote_testkit::cloudflare;

/// The variable that names the directory in which packages are installed.
const PEERS: &str = "FLUE_PEERS_DIR";

pub(crate) struct Bridge(pub(crate) cloudflare::Cloudflare);

/// A bridge, or a word that this test is skipped.
pub(crate) async fn bridge(test: &str) -> Option<Bridge> {
    bridge_for(test, 0).await
}

/// A bridge for at most so many containers; 0 for any number.
pub(crate) async fn bridge_for(test: &str, instances: u32) -> Option<Bridge> {
    let Some(packages) = std::env::var_os(PEERS) else {
        assert!(std::env::var_os("CI").is_none(), "{PEERS} names no directory for packages");
        flue_core_testkit::skip(test, "FLUE_PEERS_DIR names no directory to install the bridge in");
        return None;
    };
    Some(Bridge(cloudflare::Cloudflare::with_instances(Path::new(&packages), instances).await.unwrap()))
}

impl Bridge {
    pub(crate) fn containers(&self) -> Cloudflare {
        self.with_key(cloudflare::API_KEY)
    }

    pub(crate) fn with_key(&self, key: &str) -> Cloudflare {
        Cloudflare::new(self.0.url(), key).unwrap()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::new(self.containers())
    }

    pub(crate) async fn open(&self, id: &str) -> Arc<RemoteSandbox> {
        self.remote().create(OpenRequest::new(id)).await.unwrap()
    }
}

/// Where a sandbox's container has its home.
pub(crate) async fn home(sandbox: &RemoteSandbox) -> PathBuf {
    let output = sandbox.exec(ExecRequest::new("printf %s \"$HOME\"")).await.unwrap();
    output.stdout_text().into_owned().into()
}
