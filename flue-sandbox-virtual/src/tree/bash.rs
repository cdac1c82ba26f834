//! The tree as the file system of the shell engine.
//!
//! The engine wraps what it is given: a layer of its own shows `/etc`, `/proc`, `/bin` and `/usr/bin`, one refuses paths
//! with control, bidirectional or zero-width characters (always; a file with such a name is listed and cannot be opened by
//! the shell), the outermost one follows links. So [`stat`](bashkit::FileSystem::stat) must be an `lstat` here. Links on
//! the way to a name, and the last one of a path that is opened, are followed here already, which saves that layer a
//! second attempt; where such a link leads out of the tree into a system directory, nothing is found, and it tries again.
//!
//! The engine's optional search interface is left out: `grep -r` over plain reads of this tree takes as long as GNU's, and
//! a second regular expression dialect would have to agree with the first.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use bashkit::{DirEntry, FileSystem, FileSystemExt, FileType, FsLimits, FsUsage, Metadata};

use super::{Kind, Links, Parents, Stat, TreeError, TreeFs};

impl From<TreeError> for bashkit::Error {
    fn from(error: TreeError) -> Self {
        Self::Io(error.into())
    }
}

fn text(path: &Path) -> Result<&str, TreeError> {
    path.to_str().ok_or(TreeError::InvalidName("it is not UTF-8"))
}

fn metadata(stat: Stat) -> Metadata {
    Metadata {
        file_type: match stat.kind {
            // The engine knows no devices; its own file system shows them as files too.
            Kind::File | Kind::Device => FileType::File,
            Kind::Dir => FileType::Directory,
            Kind::Symlink => FileType::Symlink,
            Kind::Fifo => FileType::Fifo,
        },
        size: stat.len,
        mode: stat.mode,
        modified: stat.modified,
        created: stat.created,
    }
}

#[async_trait]
impl FileSystem for TreeFs {
    async fn read_file(&self, path: &Path) -> bashkit::Result<Vec<u8>> {
        Ok(self.read(text(path)?)?.into())
    }

    async fn write_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        // Before the copy, so that a write that cannot succeed costs no memory.
        self.limits().check_file(content.len() as u64)?;
        Ok(self.write(text(path)?, content.to_vec(), Parents::Require)?)
    }

    async fn append_file(&self, path: &Path, content: &[u8]) -> bashkit::Result<()> {
        Ok(self.append(text(path)?, content)?)
    }

    async fn mkdir(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        let parents = if recursive { Parents::Make } else { Parents::Require };
        Ok(Self::mkdir(self, text(path)?, parents)?)
    }

    async fn remove(&self, path: &Path, recursive: bool) -> bashkit::Result<()> {
        Ok(Self::remove(self, text(path)?, recursive)?)
    }

    async fn stat(&self, path: &Path) -> bashkit::Result<Metadata> {
        Ok(metadata(Self::stat(self, text(path)?, Links::Keep)?))
    }

    async fn read_dir(&self, path: &Path) -> bashkit::Result<Vec<DirEntry>> {
        let entries = Self::read_dir(self, text(path)?)?;
        let entries = entries.into_iter();
        Ok(entries.map(|entry| DirEntry { name: entry.name.as_ref().into(), metadata: metadata(entry.stat) }).collect())
    }

    async fn exists(&self, path: &Path) -> bashkit::Result<bool> {
        Ok(Self::exists(self, text(path)?, Links::Keep)?)
    }

    async fn rename(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        Ok(Self::rename(self, text(from)?, text(to)?)?)
    }

    async fn copy(&self, from: &Path, to: &Path) -> bashkit::Result<()> {
        Ok(Self::copy(self, text(from)?, text(to)?)?)
    }

    async fn symlink(&self, target: &Path, link: &Path) -> bashkit::Result<()> {
        Ok(Self::symlink(self, text(target)?, text(link)?)?)
    }

    async fn read_link(&self, path: &Path) -> bashkit::Result<PathBuf> {
        Ok(PathBuf::from(&*Self::read_link(self, text(path)?)?))
    }

    async fn chmod(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        Ok(Self::chmod(self, text(path)?, mode)?)
    }

    async fn set_modified_time(&self, path: &Path, time: SystemTime) -> bashkit::Result<()> {
        Ok(self.set_modified(text(path)?, time)?)
    }
}

#[async_trait]
impl FileSystemExt for TreeFs {
    fn usage(&self) -> FsUsage {
        let usage = Self::usage(self);
        FsUsage::new(usage.bytes, usage.files, usage.dirs)
    }

    async fn mkfifo(&self, path: &Path, mode: u32) -> bashkit::Result<()> {
        Ok(Self::mkfifo(self, text(path)?, mode)?)
    }

    fn limits(&self) -> FsLimits {
        let limits = Self::limits(self);
        FsLimits {
            max_total_bytes: limits.total_bytes,
            max_file_size: limits.file_bytes,
            max_file_count: limits.entries,
            max_dir_count: limits.entries,
            max_path_depth: limits.depth,
            max_filename_length: limits.name_bytes,
            max_path_length: limits.path_bytes,
        }
    }

    fn backend_kind(&self) -> &'static str {
        "flue-tree"
    }
}
