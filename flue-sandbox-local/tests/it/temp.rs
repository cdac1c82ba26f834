//! Directories that go when the test ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flue_core::{ExecOutput, ExecRequest, OpenRequest, Result, Sandbox, SandboxPath};
use flue_sandbox_local::{Local, LocalSandbox};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory of one test.
#[derive(Debug)]
pub(crate) struct Temp(PathBuf);

impl Temp {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("flue-local-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir.canonicalize().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path of the sandbox below this directory.
    pub(crate) fn at(&self, path: &str) -> SandboxPath {
        SandboxPath::new(self.0.join(path).to_str().unwrap()).unwrap()
    }

    pub(crate) fn put(&self, path: &str, data: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    /// A sandbox over this directory.
    pub(crate) async fn open(&self) -> Arc<LocalSandbox> {
        open(&Local::new(&self.0)).await
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn open(local: &Local) -> Arc<LocalSandbox> {
    local.create(OpenRequest::new("test")).await.unwrap()
}

pub(crate) async fn sh(sandbox: &LocalSandbox, command: &str) -> Result<ExecOutput> {
    sandbox.exec(ExecRequest::new(command)).await
}

/// What a command says that must exit with 0.
pub(crate) async fn said(sandbox: &LocalSandbox, command: &str) -> String {
    let output = sh(sandbox, command).await.unwrap();
    assert!(output.success(), "{command}: {output:?}");
    output.stdout_text().into_owned()
}
