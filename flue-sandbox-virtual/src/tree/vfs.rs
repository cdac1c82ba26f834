//! The tree as a file system of the `vfs` ecosystem.
//!
//! `vfs` knows files and directories. A pipe or device is shown as a file; so is a link: with its target's facts when that
//! is a file, and otherwise (a directory, or nothing) as a file that cannot be opened, so that whoever walks or removes a
//! tree through `vfs` never leaves it through a link. Links on the way to a name are followed.

use std::fmt;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::SystemTime;

use vfs::error::VfsErrorKind;
use vfs::{SeekAndRead, SeekAndWrite, VfsFileType, VfsMetadata, VfsResult};

use super::{Kind, Links, Parents, TreeError, TreeFs};

/// The files of a virtual sandbox as a [`vfs::FileSystem`]: `VfsPath::new(tree)` gives a path to work with.
///
/// Live: it sees what the sandbox does, and the other way round. A file made with `create_file` gets its content when the
/// writer is flushed or dropped; what goes wrong on drop is not reported, so flush to know.
#[derive(Clone)]
pub struct TreeVfs {
    tree: Arc<TreeFs>,
}

impl TreeVfs {
    pub(crate) fn new(tree: Arc<TreeFs>) -> Self {
        Self { tree }
    }
}

impl fmt::Debug for TreeVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.tree.usage();
        f.debug_struct("TreeVfs").field("entries", &usage.entries()).field("total_bytes", &usage.bytes).finish()
    }
}

impl From<TreeError> for VfsErrorKind {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NotFound => Self::FileNotFound,
            TreeError::InvalidName(_) => Self::InvalidPath,
            TreeError::Unsupported => Self::NotSupported,
            error => Self::IoError(error.into()),
        }
    }
}

impl From<TreeError> for vfs::VfsError {
    fn from(error: TreeError) -> Self {
        VfsErrorKind::from(error).into()
    }
}

impl TreeVfs {
    /// The kind of what is at `path`, as `vfs` sees it.
    fn kind(&self, path: &str) -> Result<VfsFileType, TreeError> {
        Ok(match self.tree.stat(path, Links::Keep)?.kind {
            Kind::Dir => VfsFileType::Directory,
            Kind::File | Kind::Symlink | Kind::Fifo | Kind::Device => VfsFileType::File,
        })
    }

    fn remove(&self, path: &str, expected: VfsFileType) -> VfsResult<()> {
        match (self.kind(path)?, expected) {
            (VfsFileType::Directory, VfsFileType::File) => Err(TreeError::IsADirectory.into()),
            (VfsFileType::File, VfsFileType::Directory) => Err(TreeError::NotADirectory.into()),
            _ => Ok(self.tree.remove(path, false)?),
        }
    }

    /// Moves `from`, which is of the kind `expected`, to where nothing is.
    fn rename(&self, from: &str, to: &str, expected: VfsFileType) -> VfsResult<()> {
        match (self.kind(from)?, expected) {
            (VfsFileType::Directory, VfsFileType::File) => return Err(TreeError::IsADirectory.into()),
            (VfsFileType::File, VfsFileType::Directory) => return Err(TreeError::NotADirectory.into()),
            _ => {}
        }
        self.check_free(to)?;
        Ok(self.tree.rename(from, to)?)
    }

    fn check_free(&self, path: &str) -> VfsResult<()> {
        match self.kind(path) {
            Ok(VfsFileType::File) => Err(VfsErrorKind::FileExists.into()),
            Ok(VfsFileType::Directory) => Err(VfsErrorKind::DirectoryExists.into()),
            Err(TreeError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl vfs::FileSystem for TreeVfs {
    fn read_dir(&self, path: &str) -> VfsResult<Box<dyn Iterator<Item = String> + Send>> {
        let entries = self.tree.read_dir(path)?;
        Ok(Box::new(entries.into_iter().map(|entry| entry.name.as_ref().to_owned())))
    }

    fn create_dir(&self, path: &str) -> VfsResult<()> {
        match self.tree.mkdir(path, Parents::Require) {
            // Says which of the two it is.
            Err(TreeError::Exists) => self.check_free(path),
            done => Ok(done?),
        }
    }

    fn open_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndRead + Send>> {
        Ok(Box::new(Cursor::new(self.tree.read(path)?)))
    }

    fn create_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndWrite + Send>> {
        self.tree.write(path, Vec::new(), Parents::Require)?;
        Ok(Box::new(Writer {
            tree: Arc::clone(&self.tree),
            path: path.to_owned(),
            content: Cursor::default(),
            unsaved: false,
        }))
    }

    fn append_file(&self, path: &str) -> VfsResult<Box<dyn SeekAndWrite + Send>> {
        match self.tree.stat(path, Links::Follow)?.kind {
            Kind::Dir => Err(TreeError::IsADirectory.into()),
            _ => Ok(Box::new(Appender { tree: Arc::clone(&self.tree), path: path.to_owned() })),
        }
    }

    fn metadata(&self, path: &str) -> VfsResult<VfsMetadata> {
        let mut stat = self.tree.stat(path, Links::Keep)?;
        if stat.kind == Kind::Symlink {
            stat = self.tree.stat(path, Links::Follow).ok().filter(|target| target.kind != Kind::Dir).unwrap_or(stat);
        }
        Ok(VfsMetadata {
            file_type: if stat.kind == Kind::Dir { VfsFileType::Directory } else { VfsFileType::File },
            len: stat.len,
            created: Some(stat.created),
            modified: Some(stat.modified),
            accessed: None,
        })
    }

    fn set_creation_time(&self, path: &str, time: SystemTime) -> VfsResult<()> {
        Ok(self.tree.set_created(path, time)?)
    }

    fn set_modification_time(&self, path: &str, time: SystemTime) -> VfsResult<()> {
        Ok(self.tree.set_modified(path, time)?)
    }

    fn exists(&self, path: &str) -> VfsResult<bool> {
        Ok(self.tree.exists(path, Links::Keep)?)
    }

    fn remove_file(&self, path: &str) -> VfsResult<()> {
        self.remove(path, VfsFileType::File)
    }

    fn remove_dir(&self, path: &str) -> VfsResult<()> {
        self.remove(path, VfsFileType::Directory)
    }

    fn copy_file(&self, src: &str, dest: &str) -> VfsResult<()> {
        self.check_free(dest)?;
        Ok(self.tree.copy(src, dest)?)
    }

    fn move_file(&self, src: &str, dest: &str) -> VfsResult<()> {
        self.rename(src, dest, VfsFileType::File)
    }

    fn move_dir(&self, src: &str, dest: &str) -> VfsResult<()> {
        self.rename(src, dest, VfsFileType::Directory)
    }
}

/// A file being written: replaces the file's content with its own whenever it is flushed.
struct Writer {
    tree: Arc<TreeFs>,
    path: String,
    content: Cursor<Vec<u8>>,
    unsaved: bool,
}

impl Write for Writer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // Before the buffer grows, and it grows to wherever a seek went.
        let end = self.content.position().saturating_add(data.len() as u64);
        self.tree.limits().check_file(end)?;
        self.unsaved = true;
        self.content.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unsaved {
            self.tree.write(&self.path, self.content.get_ref().clone(), Parents::Require)?;
            self.unsaved = false;
        }
        Ok(())
    }
}

impl Seek for Writer {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.content.seek(position)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // `Drop` cannot report; the type's documentation says to flush.
        let _ = self.flush();
    }
}

/// A file being appended to: every write goes to its end at once, as `O_APPEND` has it.
struct Appender {
    tree: Arc<TreeFs>,
    path: String,
}

impl Write for Appender {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.tree.append(&self.path, data)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Appender {
    /// Tells where the end is; any other place is refused, because writes would not go there.
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let end = self.tree.stat(&self.path, Links::Follow)?.len;
        match position {
            SeekFrom::Current(0) | SeekFrom::End(0) => Ok(end),
            SeekFrom::Start(start) if start == end => Ok(end),
            _ => Err(TreeError::Unsupported.into()),
        }
    }
}
