//! A directory that is gone when the measuring is over.

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

/// A directory of this process under the system's temporary one; removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it, empty.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("flue-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| failed("make a directory", &path, error))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it, and the directories above the file.
    pub(crate) fn write(&self, name: &str, data: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed("make a directory", parent, error))?;
        }
        std::fs::write(&path, data).map_err(|error| failed("write", &path, error))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory is the system's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The error of an operation on a path of the host.
pub(crate) fn failed(operation: &'static str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, operation, "the system refused").with("path", path.display()).with_source(error)
}
