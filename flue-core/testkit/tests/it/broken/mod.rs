//! The suite can fail: sandboxes with one defect each, and the cases that must see it.

#[cfg(unix)]
mod commands;
mod files;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    CreateDir, DirEntry, ExecOutput, ExecRequest, FileSystem, Metadata, OpenRequest, Remove, Result, Sandbox,
    SandboxFactory, SandboxInfo, SandboxPath,
};
use flue_core_testkit::sandbox::suite;
use flue_core_testkit::{MemoryFactory, Outcome, Report};

/// What a broken sandbox does in place of the real one. Everything that is not overridden is right.
#[async_trait]
trait Defect: fmt::Debug + Send + Sync + 'static {
    async fn open(&self, inner: &dyn SandboxFactory, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        inner.open(request).await
    }

    async fn read(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Bytes> {
        inner.read(path).await
    }

    async fn write(&self, inner: &dyn FileSystem, path: &SandboxPath, data: Bytes) -> Result<()> {
        inner.write(path, data).await
    }

    async fn list(&self, inner: &dyn FileSystem, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        inner.list(path).await
    }

    async fn remove(&self, inner: &dyn FileSystem, path: &SandboxPath, options: Remove) -> Result<()> {
        inner.remove(path, options).await
    }

    async fn exec(&self, inner: &Arc<dyn Sandbox>, request: ExecRequest) -> Result<ExecOutput> {
        inner.exec(request).await
    }

    async fn grep(&self, inner: &dyn Sandbox, query: GrepQuery) -> Result<GrepHits> {
        inner.grep(query).await
    }

    async fn glob(&self, inner: &dyn Sandbox, query: GlobQuery) -> Result<GlobHits> {
        inner.glob(query).await
    }

    async fn close(&self, inner: &dyn Sandbox) -> Result<()> {
        inner.close().await
    }
}

#[derive(Debug)]
struct BrokenFactory {
    inner: Arc<dyn SandboxFactory>,
    defect: Arc<dyn Defect>,
}

#[async_trait]
impl SandboxFactory for BrokenFactory {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        let inner = self.defect.open(&*self.inner, request).await?;
        Ok(Arc::new(Broken { inner, defect: Arc::clone(&self.defect) }))
    }
}

#[derive(Debug)]
struct Broken {
    inner: Arc<dyn Sandbox>,
    defect: Arc<dyn Defect>,
}

#[async_trait]
impl FileSystem for Broken {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.defect.read(self.inner.fs(), path).await
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.defect.write(self.inner.fs(), path, data).await
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.inner.fs().metadata(path).await
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.defect.list(self.inner.fs(), path).await
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.inner.fs().create_dir(path, options).await
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.defect.remove(self.inner.fs(), path, options).await
    }
}

#[async_trait]
impl Sandbox for Broken {
    fn info(&self) -> &SandboxInfo {
        self.inner.info()
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.defect.exec(&self.inner, request).await
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        self.defect.grep(&*self.inner, query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        self.defect.glob(&*self.inner, query).await
    }

    async fn close(&self) -> Result<()> {
        self.defect.close(&*self.inner).await
    }
}

/// How long a case may take over the in-memory double, where nothing waits.
const LIMIT: Duration = Duration::from_secs(3);

/// Holds the suite against an in-memory sandbox with this defect.
fn over_memory(defect: impl Defect) -> Report {
    let inner = Arc::new(MemoryFactory::new());
    suite(BrokenFactory { inner, defect: Arc::new(defect) }).with_case_limit(LIMIT).run_blocking()
}

/// A defect of files or search is seen by these cases.
#[track_caller]
fn caught(defect: impl Defect, cases: &[&str]) {
    let report = over_memory(defect);
    for name in cases {
        let failure = failure(&report, name);
        assert!(!is_late(&failure), "{name} must see the defect, not wait for it: {failure}");
    }
}

/// Why the case called `name` failed.
#[track_caller]
fn failure(report: &Report, name: &str) -> String {
    match report.lines.iter().find(|line| line.name == name).map(|line| &line.outcome) {
        Some(Outcome::Failed(message)) => message.clone(),
        outcome => panic!("{name} must fail: {outcome:?}"),
    }
}

/// Whether a case failed because it took too long.
fn is_late(failure: &str) -> bool {
    failure.starts_with("did not end within")
}
