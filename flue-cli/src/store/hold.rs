//! One process at a time in a session.
//!
//! A store notices at the next write that somebody else wrote; by then a turn was paid for. So the file of a lock, which the
//! operating system gives up with the process, keeps a second process out before it asks a model.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use super::home::private_dir;
use crate::host::{io_error, shown};

/// How often a file that another process removes is made again before that is an error.
const MAX_TRIES: usize = 100;
/// The longest number of a process that is read, in bytes.
const MAX_PROCESS_BYTES: u64 = 20;

/// Keeps other processes out of a session for as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    path: PathBuf,
    _file: File,
}

impl Hold {
    /// Takes the session called `session` of the store called `store`, whose locks are in `dir`.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while another process has it; those of the directory.
    pub(super) fn take(dir: &Path, store: &str, session: &str) -> Result<Self> {
        private_dir(dir)?;
        let path = dir.join(format!("{:016x}", fingerprint([store, session])));
        let failed = |error: &io::Error| io_error("take session", error).with("path", shown(&path));
        for _ in 0..MAX_TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path).map_err(|error| failed(&error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy(session, file)),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
            // Whoever had it may have removed the file while this process opened it.
            if !is_at(&file, &path) {
                continue;
            }
            let number = std::process::id().to_string();
            file.set_len(0).and_then(|()| file.write_all(number.as_bytes())).map_err(|error| failed(&error))?;
            return Ok(Self { path, _file: file });
        }
        Err(failed(&io::Error::other("the file is removed each time it is made")))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // While the lock is held, so that nobody's file is removed but this one.
        let _ = fs::remove_file(&self.path);
    }
}

fn busy(session: &str, file: File) -> Error {
    let why = "another process uses this session; wait for it, or use another session";
    let error = Error::new(ErrorKind::SessionBusy, "take session", why).with("session", session.escape_debug());
    let mut process = String::new();
    match file.take(MAX_PROCESS_BYTES).read_to_string(&mut process) {
        Ok(1..) => error.with("process", process.trim()),
        _ => error,
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A number that two different lists hardly share: FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_no_file_is_left() {
        let dir = std::env::temp_dir().join(format!("flue-hold-{}", std::process::id()));
        let first = Hold::take(&dir, "s", "a").unwrap();
        // A lock belongs to an open file, so a second one in this process is kept out, too.
        let error = Hold::take(&dir, "s", "a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SessionBusy);
        assert_eq!(error.fact("process"), Some(std::process::id().to_string().as_str()));
        let other = Hold::take(&dir, "s", "b").unwrap();
        drop((first, other));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        drop(Hold::take(&dir, "s", "a").unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_eq!(fingerprint([""; 0]), 0xcbf2_9ce4_8422_2325);
        assert_ne!(fingerprint(["ab", "c"]), fingerprint(["a", "bc"]));
    }
}
