//! What one execution touches, as the engine shows it: programs by its hooks, files by what it asks the tree for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bashkit::{
    Builtin, CommandResolver, DirEntry, FileSystem, FileSystemExt, FsLimits, FsUsage, Metadata, VfsSnapshot,
};
use flue_core::reach::ReachLog;

/// Notes the names of commands that nobody knows.
pub(super) struct Missing(pub(super) Arc<ReachLog>);

impl CommandResolver for Missing {
    fn resolve(&self, name: &str) -> Option<Arc<dyn Builtin>> {
        self.0.missing(name);
        None
    }
}

/// A file system, and where what is done with it is noted.
pub(super) struct Recorded {
    below: Arc<dyn FileSystem>,
    log: Arc<ReachLog>,
}

impl Recorded {
    pub(super) fn new(below: Arc<dyn FileSystem>, log: Arc<ReachLog>) -> Self {
        Self { below, log }
    }

    fn wrote<T>(&self, path: &Path, result: bashkit::Result<T>) -> bashkit::Result<T> {
        if result.is_ok() {
            self.log.wrote(&path.to_string_lossy());
        }
        result
    }

    fn read<T>(&self, path: &Path, result: bashkit::Result<T>) -> bashkit::Result<T> {
        if result.is_ok() {
            self.log.read(&path.to_string_lossy());
        }
        result
    }
}

#[async_trait]
impl FileSystem for Recorded {
    async fn read_file(&self, path: &Path) -> bashkit::Result<Vec<u8>> {
        self.read(path, self.below.read_file(path).await)
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        self.wrote(path, self.below.write_file(path, content).await)
    }

    async fn append_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        self.wrote(path, self.below.append_file(path, content).await)
    }

    async fn mkdir(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        self.wrote(path, self.below.mkdir(path, recursive).await)
    }

    async fn remove(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        self.wrote(path, self.below.remove(path, recursive).await)
    }

    async fn stat(&self, path: &Path) -> bashkit::Result<Metadata> {
        self.below.stat(path).await
    }

    async fn lstat(&self, path: &Path) -> bashkit::Result<Metadata> {
        self.below.lstat(path).await
    }

    async fn read_dir(&self, path: &Path) -> bashkit::Result<Vec<DirEntry>> {
        let entries = self.below.read_dir(path).await?;
        self.log.listed(&path.to_string_lossy());
        Ok(entries)
    }

    async fn exists(&self, path: &Path) -> bashkit::Result<bool> {
        self.below.exists(path).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        self.wrote(from, self.below.rename(from, to).await)?;
        self.log.wrote(&to.to_string_lossy());
        Ok(())
    }

    async fn copy(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        self.read(from, self.below.copy(from, to).await)?;
        self.log.wrote(&to.to_string_lossy());
        Ok(())
    }

    async fn symlink(&self, target: &Path, link: &Path) -> bashkit::Result<()> {
        self.wrote(link, self.below.symlink(target, link).await)
    }

    async fn read_link(&self, path: &Path) -> bashkit::Result<PathBuf> {
        self.below.read_link(path).await
    }

    async fn chmod(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        self.wrote(path, self.below.chmod(path, mode).await)
    }

    async fn set_modified_time(&self, path: &Path, time: SystemTime) -> bashkit::Result<()> {
        self.wrote(path, self.below.set_modified_time(path, time).await)
    }
}

#[async_trait]
impl FileSystemExt for Recorded {
    fn usage(&self) -> FsUsage {
        self.below.usage()
    }

    async fn mkfifo(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        self.wrote(path, self.below.mkfifo(path, mode).await)
    }

    fn limits(&self) -> FsLimits {
        self.below.limits()
    }

    fn vfs_snapshot(&self) -> Option<VfsSnapshot> {
        self.below.vfs_snapshot()
    }

    fn vfs_restore(&self, snapshot: &VfsSnapshot) -> bashkit::Result<()> {
        self.below.vfs_restore(snapshot)
    }

    fn backend_kind(&self) -> &'static str {
        self.below.backend_kind()
    }
}
