//! The files of the sessions: read, appended to, listed and removed, under locks.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use flue_core::store::{Entry, SessionKey, StoredSession, Version, conflict};
use flue_core::{Error, ErrorKind, Result, Retry};

use crate::errors::Doing;
use crate::format;
use crate::names::file_name;

/// How long another process may keep a file to itself.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// How long to wait before a lock is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// So many files are remembered at the most; what is forgotten is read again.
const MAX_KNOWN: usize = 10_000;
/// How often a file that another process removes is made again before that is an error.
const MAX_TRIES: usize = 100;
/// What session files end with.
const ENDING: &str = "jsonl";

/// The directory of a store.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) root: PathBuf,
    /// Whether an append waits until the disk has it.
    pub(crate) syncs: bool,
    /// What was in the files when they were last read or written.
    pub(crate) known: Mutex<HashMap<PathBuf, Known>>,
}

/// What is in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    stamp: Stamp,
    content: Content,
}

/// How far a file is whole, and what it has up to there.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    bytes: u64,
    version: u64,
}

/// Tells whether a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    file: u64,
}

impl Directory {
    pub(crate) fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.root).map_err(|error| Doing::Opening.failed(&self.root, error))
    }

    fn dir(&self, harness: &str) -> PathBuf {
        self.root.join(file_name(harness))
    }

    fn path(&self, key: &SessionKey) -> PathBuf {
        self.dir(&key.harness).join(format!("{}.{ENDING}", file_name(&key.session)))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        let path = self.path(key);
        let failed = |error| Doing::Loading.failed(&path, error);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(StoredSession::default()),
            Err(error) => return Err(failed(error)),
        };
        lock(Doing::Loading, &path, || file.try_lock_shared())?;
        let data = read(Doing::Loading, &path, &mut file)?;
        let mut entries = Vec::new();
        for (number, texts) in lines(Doing::Loading, key, &path, &data)? {
            for text in texts? {
                let entry =
                    Entry::decode(text).map_err(|error| error.with("path", path.display()).with("line", number));
                entries.push(entry?);
            }
        }
        Ok(StoredSession::new(entries))
    }

    pub(crate) fn append(&self, key: &SessionKey, at: Version, entries: &[Entry]) -> Result<Version> {
        let path = self.path(key);
        let failed = |error| Doing::Appending.failed(&path, error);
        for _ in 0..MAX_TRIES {
            let mut file = match self.open(&path, at == Version(0) && !entries.is_empty()) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound && at != Version(0) => {
                    return Err(conflict(key, at, Version(0)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && entries.is_empty() => return Ok(at),
                // The directory was removed a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            lock(Doing::Appending, &path, || file.try_lock())?;
            // Another process may have removed the file while this one waited for it.
            if is_removed(&path, &file) {
                continue;
            }
            let content = self.content(key, &path, &mut file)?;
            if content.version != at.0 {
                return Err(conflict(key, at, Version(content.version)));
            }
            if entries.is_empty() {
                return Ok(at);
            }
            let content = self.write(key, &path, &mut file, content, entries)?;
            return Ok(Version(content.version));
        }
        Err(failed(io::Error::other("the file is removed each time it is made")))
    }

    /// Opens a session's file to write, making it and its directory when it may be made.
    fn open(&self, path: &Path, create: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && create => {}
            opened => return opened,
        }
        let dir = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(dir)?;
        // Not truncated: another process may have been faster.
        let file = options.create(true).truncate(false).open(path)?;
        if self.syncs {
            sync_dir(dir)?;
            sync_dir(&self.root)?;
        }
        Ok(file)
    }

    /// What a locked file has: as it was left, or read again when somebody else was there.
    fn content(&self, key: &SessionKey, path: &Path, file: &mut File) -> Result<Content> {
        let failed = |error| Doing::Appending.failed(path, error);
        let stamp = stamp(file).map_err(failed)?;
        if let Some(known) = self.known().get(path)
            && known.stamp == stamp
        {
            return Ok(known.content);
        }
        let data = read(Doing::Appending, path, file)?;
        let mut content = Content { bytes: format::whole_lines(&data).1 as u64, version: 0 };
        for (_, texts) in lines(Doing::Appending, key, path, &data)? {
            content.version += texts?.len() as u64;
        }
        Ok(content)
    }

    /// Adds a line after what is whole; a failure leaves what was there.
    fn write(
        &self,
        key: &SessionKey,
        path: &Path,
        file: &mut File,
        content: Content,
        entries: &[Entry],
    ) -> Result<Content> {
        let mut text = if content.bytes == 0 { format::header(key)? } else { String::new() };
        text.push_str(&format::line(entries)?);
        let added =
            Content { bytes: content.bytes + text.len() as u64, version: content.version + entries.len() as u64 };
        let result = (|| {
            if file.metadata()?.len() != content.bytes {
                // What a crash left of a line.
                file.set_len(content.bytes)?;
            }
            file.seek(SeekFrom::Start(content.bytes))?;
            file.write_all(text.as_bytes())?;
            if self.syncs { file.sync_data() } else { Ok(()) }
        })();
        self.known().remove(path);
        if let Err(error) = result {
            // If this fails too, what is left has no newline, or is told from what was there by the version.
            let _ = file.set_len(content.bytes);
            return Err(Doing::Appending.failed(path, error));
        }
        if let Ok(stamp) = stamp(file) {
            let mut known = self.known();
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(path.to_owned(), Known { stamp, content: added });
        }
        Ok(added)
    }

    pub(crate) fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        let dir = self.dir(harness);
        let failed = |error| Doing::Listing.failed(&dir, error);
        let listed = match fs::read_dir(&dir) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut keys = Vec::new();
        for entry in listed {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|ending| ending == ENDING)
                && let Some(key) = named(&path)?
                && &*key.harness == harness
            {
                keys.push(key);
            }
        }
        keys.sort();
        Ok(keys)
    }

    pub(crate) fn delete(&self, key: &SessionKey) -> Result<()> {
        let path = self.path(key);
        let failed = |error| Doing::Deleting.failed(&path, error);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        lock(Doing::Deleting, &path, || file.try_lock())?;
        self.known().remove(&path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let dir = self.dir(&key.harness);
        // It goes with its last session, and stays with others in it.
        if fs::remove_dir(&dir).is_err() && self.syncs {
            sync_dir(&dir).map_err(failed)?;
        }
        Ok(())
    }
}

/// The session of a file; `None` for one that has no entry, which is no session yet.
fn named(path: &Path) -> Result<Option<SessionKey>> {
    let mut first = String::new();
    let read = File::open(path).and_then(|file| {
        let mut file = BufReader::new(file);
        file.read_line(&mut first)?;
        let mut second = Vec::new();
        file.read_until(b'\n', &mut second)?;
        Ok(second.ends_with(b"\n"))
    });
    match read {
        Ok(true) => format::read_header(Doing::Listing, path, first.trim_end_matches('\n')).map(Some),
        Ok(false) => Ok(None),
        // It was removed a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Doing::Listing.failed(path, error)),
    }
}

/// The text of a file up to its last newline. What follows was never whole, and may be cut within a character.
fn read(doing: Doing, path: &Path, file: &mut File) -> Result<String> {
    let mut data = Vec::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut data));
    read.map_err(|error| doing.failed(path, error))?;
    data.truncate(data.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1));
    String::from_utf8(data).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        doing.damaged(path, line, "it is not UTF-8 text")
    })
}

type Line<'a> = (usize, Result<Vec<&'a str>>);

/// The lines of `data` after the first, with their numbers and the texts of the entries in them.
fn lines<'a>(
    doing: Doing,
    key: &SessionKey,
    path: &'a Path,
    data: &'a str,
) -> Result<impl Iterator<Item = Line<'a>> + use<'a>> {
    let (mut lines, _) = format::whole_lines(data);
    if let Some(first) = lines.next() {
        let found = format::read_header(doing, path, first)?;
        if found != *key {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                doing.name(),
                "the file is that of another session: this file system does not tell their names apart. Take another name",
            )
            .with("session", key)
            .with("other", found));
        }
    }
    Ok((2..).zip(lines).map(move |(number, line)| {
        (number, format::texts(line).map_err(|error| doing.damaged(path, number, error.to_string())))
    }))
}

fn lock(doing: Doing, path: &Path, mut attempt: impl FnMut() -> Result<(), TryLockError>) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(doing.failed(path, error)),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= LOCK_LIMIT => {
                let why = "another process keeps the file to itself; see which one, or try again";
                let error = Error::new(ErrorKind::Unavailable, doing.name(), why).with("path", path.display());
                return Err(error.with("seconds", LOCK_LIMIT.as_secs()).with_retry(Retry::Backoff));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}

#[cfg(unix)]
fn stamp(file: &File) -> io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    Ok(Stamp { len: metadata.len(), modified: metadata.modified().ok(), file: metadata.ino() })
}

#[cfg(not(unix))]
fn stamp(file: &File) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    Ok(Stamp { len: metadata.len(), modified: metadata.modified().ok(), file: 0 })
}

#[cfg(unix)]
fn is_removed(_path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

#[cfg(not(unix))]
fn is_removed(path: &Path, _file: &File) -> bool {
    !path.exists()
}

/// Makes sure that the names in a directory are on the disk.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}
