//! Types of the core as data.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flue_core::search::{GrepHits, GrepMatch};
use flue_core::{DirEntry, ErrorKind, ExecEnd, ExecOutput, FileKind, Metadata, SandboxPath};
use serde::{Deserialize, Serialize};

use super::Violation;
use super::message::split;

/// What a path names.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum WireKind {
    File,
    Directory,
    Symlink,
    Other,
}

impl From<FileKind> for WireKind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::File => Self::File,
            FileKind::Directory => Self::Directory,
            FileKind::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

impl From<WireKind> for FileKind {
    fn from(kind: WireKind) -> Self {
        match kind {
            WireKind::File => Self::File,
            WireKind::Directory => Self::Directory,
            WireKind::Symlink => Self::Symlink,
            WireKind::Other => Self::Other,
        }
    }
}

/// Entries of a directory, as the body that tells them.
///
/// # Errors
/// None that is known.
pub(crate) fn write_entries(entries: Vec<DirEntry>) -> postcard::Result<Bytes> {
    let write = |out, entry: DirEntry| postcard::to_extend(&(entry.name, WireKind::from(entry.kind)), out);
    Ok(entries.into_iter().try_fold(Vec::new(), write)?.into())
}

/// The entries that a body tells: exactly so many.
pub(crate) fn read_entries(mut body: &[u8], count: usize) -> Result<Vec<DirEntry>, Violation> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let ((name, kind), rest): ((String, WireKind), _) =
            postcard::take_from_bytes(body).map_err(|_| Violation("entries that cannot be understood"))?;
        entries.push(DirEntry::new(name, kind.into()));
        body = rest;
    }
    if body.is_empty() { Ok(entries) } else { Err(Violation("entries that were not counted")) }
}

/// Whether the data of a snapshot tells no more than so many entries: where it counts them, and it has to tell as many.
pub(crate) fn is_snapshot_within(data: &[u8], entries: u64) -> bool {
    postcard::take_from_bytes::<(u32, u64)>(data).is_ok_and(|((_, count), _)| count <= entries)
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireMetadata {
    kind: WireKind,
    is_symlink: bool,
    len: Option<u64>,
    modified: Option<WireTime>,
    mode: Option<u32>,
}

impl From<Metadata> for WireMetadata {
    fn from(facts: Metadata) -> Self {
        Self {
            kind: facts.kind.into(),
            is_symlink: facts.is_symlink,
            len: facts.len,
            modified: facts.modified.map(WireTime::new),
            mode: facts.mode,
        }
    }
}

impl From<WireMetadata> for Metadata {
    fn from(wire: WireMetadata) -> Self {
        let mut facts = Self::new(wire.kind.into()).with_symlink(wire.is_symlink);
        facts.len = wire.len;
        facts.modified = wire.modified.and_then(|time| time.time());
        facts.mode = wire.mode;
        facts
    }
}

/// A time, as it lies before or after the start of 1970.
#[derive(Debug, Serialize, Deserialize)]
enum WireTime {
    Before(Duration),
    After(Duration),
}

impl WireTime {
    fn new(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::After(after),
            Err(error) => Self::Before(error.duration()),
        }
    }

    /// Nothing for a time that this system cannot say.
    fn time(&self) -> Option<SystemTime> {
        match self {
            Self::Before(duration) => SystemTime::UNIX_EPOCH.checked_sub(*duration),
            Self::After(duration) => SystemTime::UNIX_EPOCH.checked_add(*duration),
        }
    }
}

/// How a command ended. The body is its standard output, and after that its standard error.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireOutput {
    end: WireEnd,
    stdout: u64,
    stdout_dropped: u64,
    stderr_dropped: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum WireEnd {
    Exited(i32),
    Signalled(i32),
    TimedOut,
}

impl WireOutput {
    /// The head and the body for this output.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] for an end that this version does not know.
    pub(crate) fn new(output: ExecOutput) -> flue_core::Result<(Self, [Bytes; 2])> {
        let end = match output.end {
            ExecEnd::Exited(code) => WireEnd::Exited(code),
            ExecEnd::Signalled(signal) => WireEnd::Signalled(signal),
            ExecEnd::TimedOut => WireEnd::TimedOut,
            _ => return Err(flue_core::Error::new(ErrorKind::Internal, "exec", "an end that cannot be told")),
        };
        let (stdout_dropped, stderr_dropped) = (output.stdout_dropped, output.stderr_dropped);
        let head = Self { end, stdout: output.stdout.len() as u64, stdout_dropped, stderr_dropped };
        Ok((head, [output.stdout, output.stderr]))
    }

    pub(crate) fn output(self, body: Bytes) -> Result<ExecOutput, Violation> {
        let (stdout, stderr) = split(body, self.stdout)?;
        let end = match self.end {
            WireEnd::Exited(code) => ExecEnd::Exited(code),
            WireEnd::Signalled(signal) => ExecEnd::Signalled(signal),
            WireEnd::TimedOut => ExecEnd::TimedOut,
        };
        Ok(ExecOutput::new(end, stdout, stderr).with_dropped(self.stdout_dropped, self.stderr_dropped))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireGrep {
    matches: Vec<WireMatch>,
    total: u64,
    skipped: u64,
    incomplete: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireMatch {
    path: SandboxPath,
    line: u64,
    text: String,
    cut: bool,
}

impl From<GrepHits> for WireGrep {
    fn from(hits: GrepHits) -> Self {
        let wire = |GrepMatch { path, line, text, cut, .. }| WireMatch { path, line, text, cut };
        let matches = hits.matches.into_iter().map(wire).collect();
        Self { matches, total: hits.total, skipped: hits.skipped, incomplete: hits.incomplete }
    }
}

impl From<WireGrep> for GrepHits {
    fn from(wire: WireGrep) -> Self {
        let found = |found: WireMatch| {
            let mut one = GrepMatch::new(found.path, found.line, &found.text);
            one.cut |= found.cut;
            one
        };
        let mut hits = Self::new(wire.matches.into_iter().map(found).collect(), wire.total);
        (hits.skipped, hits.incomplete) = (wire.skipped, wire.incomplete);
        hits
    }
}
