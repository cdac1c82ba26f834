//! A depth-first walk in the order of names, over any file system.

use crate::{DirEntry, ErrorKind, FileKind, FileSystem, Result, SandboxPath};

/// The deepest directory below the start that a walk enters.
pub const MAX_DEPTH: usize = 128;
/// The most entries that one walk looks at.
pub const MAX_ENTRIES: usize = 1_000_000;

/// How many entries a walk passes between two points where other tasks get their turn.
const YIELD_EVERY: usize = 64;

/// Files below a start, in the order of their paths. Links are not followed, so a walk ends.
pub(super) struct Walk<'a> {
    fs: &'a dyn FileSystem,
    stack: Vec<(SandboxPath, std::vec::IntoIter<DirEntry>)>,
    seen: usize,
    /// Whether a bound kept the walk from seeing everything.
    pub(super) cut: bool,
}

impl<'a> Walk<'a> {
    /// Starts at a directory.
    ///
    /// # Errors
    /// Those of [`FileSystem::list`].
    pub(super) async fn new(fs: &'a dyn FileSystem, start: &SandboxPath) -> Result<Self> {
        let entries = fs.list(start).await?;
        Ok(Self { fs, stack: vec![(start.clone(), entries.into_iter())], seen: 0, cut: false })
    }

    /// The next regular file.
    ///
    /// # Errors
    /// Those of [`FileSystem::list`], but for a directory that went away or is closed to us: it is passed over.
    pub(super) async fn next(&mut self) -> Result<Option<SandboxPath>> {
        while let Some((dir, entries)) = self.stack.last_mut() {
            let Some(entry) = entries.next() else {
                self.stack.pop();
                continue;
            };
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                self.cut = true;
                return Ok(None);
            }
            if self.seen.is_multiple_of(YIELD_EVERY) {
                tokio::task::yield_now().await;
            }
            // What lies there cannot be named: its path is longer than paths are.
            let Ok(path) = dir.join(&entry.name) else {
                self.cut = true;
                continue;
            };
            match entry.kind {
                FileKind::File => return Ok(Some(path)),
                FileKind::Directory if self.stack.len() >= MAX_DEPTH => self.cut = true,
                FileKind::Directory => match self.fs.list(&path).await {
                    Ok(entries) => self.stack.push((path, entries.into_iter())),
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
                    Err(error) => return Err(error),
                },
                FileKind::Symlink | FileKind::Other => {}
            }
        }
        Ok(None)
    }
}
