//! Where `flue` keeps what is to be there the next time, readable by its user alone.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use crate::host::{io_error, shown};

/// Names the directory of the user's state (<https://specifications.freedesktop.org/basedir-spec/latest/>).
const STATE_HOME: &str = "XDG_STATE_HOME";

/// The directory of `flue`'s own state. It may not be there yet.
///
/// # Errors
/// [`ErrorKind::Config`] when the environment does not say where that is.
pub(crate) fn state_dir() -> Result<PathBuf> {
    let absolute = |variable: &str| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute(STATE_HOME).or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join("flue")).ok_or_else(|| {
        let why = "neither XDG_STATE_HOME nor HOME says where sessions are kept; say it: --store jsonl:DIR";
        Error::new(ErrorKind::Config, "open session store", why)
    })
}

/// Makes a directory with those above it, for its user alone. One that is there stays as it is.
///
/// # Errors
/// Those of making it.
pub(crate) fn private_dir(dir: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| io_error("make directory", &error).with("path", shown(dir)))
}

/// Makes an empty file for its user alone, with its directory. One that is there stays as it is.
///
/// # Errors
/// Those of making it.
#[cfg(any(feature = "sqlite", feature = "editor"))]
pub(crate) fn private_file(path: &Path) -> Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        private_dir(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(io_error("make file", &error).with("path", shown(path)))
        }
        _ => Ok(()),
    }
}
