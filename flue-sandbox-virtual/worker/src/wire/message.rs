//! Messages: what calls, answers and events hold, and how large each may be.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepMatch, GrepQuery, MAX_LINE_CHARS};
use flue_core::{DirEntry, ErrorKind, ExecEnd, ExecOutput, FileKind, Metadata, SandboxPath};
use flue_sandbox_virtual::VirtualLimits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Violation, WireError};
use crate::Containment;

/// What both sides have to be alike in: the crate's version and that of the protocol.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");

/// The most bytes of whatever is not data: settings, paths, errors, facts.
pub(crate) const SMALL_BYTES: usize = 1 << 20;
/// The most bytes of any message, whatever limits are set.
pub(crate) const LARGEST_BYTES: usize = 1 << 30;
/// Calls to commands of the application that one sandbox makes at a time; more of them wait.
pub(crate) const MAX_COMMANDS: usize = 64;
/// The most bytes of a path and what stands beside it in a list.
const PATH_BYTES: usize = 4096 + 32;
/// The most bytes of a name and what stands beside it in a list.
const NAME_BYTES: usize = 255 + 64;

/// Turns a head and a body into the parts of a message.
///
/// # Errors
/// What the head cannot be written for.
pub(crate) fn encode<T: Serialize>(head: &T, body: impl IntoIterator<Item = Bytes>) -> postcard::Result<Vec<Bytes>> {
    let head = Bytes::from(postcard::to_allocvec(head)?);
    Ok(std::iter::once(head).chain(body).collect())
}

/// Turns a message back into its head and its body.
pub(crate) fn decode<T: DeserializeOwned>(message: &Bytes) -> Result<(T, Bytes), Violation> {
    let (head, body) =
        postcard::take_from_bytes(message).map_err(|_| Violation("a message that cannot be understood"))?;
    Ok((head, message.slice(message.len() - body.len()..)))
}

/// Cuts a body into what was written to standard output, of which this is the length, and to standard error.
pub(crate) fn split(mut body: Bytes, stdout: u64) -> Result<(Bytes, Bytes), Violation> {
    let stdout = size(stdout);
    if stdout > body.len() {
        return Err(Violation("output that is not there"));
    }
    let stderr = body.split_off(stdout);
    Ok((body, stderr))
}

/// The first message: how the worker is to limit itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) version: String,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_time: Option<Duration>,
    /// Go on where the kernel does not filter system calls.
    pub(crate) best_effort: bool,
}

/// The answer to [`Setup`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) version: String,
    pub(crate) result: Result<Containment, WireError>,
}

/// Something to do. The first one opens the sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Call {
    /// The body is the files.
    Open(Open),
    Read(SandboxPath),
    /// The body is the content.
    Write(SandboxPath),
    Metadata(SandboxPath),
    List(SandboxPath),
    CreateDir {
        path: SandboxPath,
        recursive: bool,
    },
    Remove {
        path: SandboxPath,
        recursive: bool,
        force: bool,
    },
    /// The body is the standard input.
    Exec(Exec),
    Grep(Grep),
    Glob(Glob),
    Snapshot,
    /// The body is the files.
    Restore,
}

/// What the sandbox is like.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) cwd: SandboxPath,
    pub(crate) user: String,
    pub(crate) hostname: String,
    pub(crate) env: BTreeMap<String, String>,
    /// The names of the application's commands.
    pub(crate) commands: Vec<String>,
    pub(crate) limits: VirtualLimits,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exec {
    pub(crate) command: String,
    pub(crate) cwd: Option<SandboxPath>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) has_stdin: bool,
    pub(crate) timeout: Option<Duration>,
    /// Send output as it comes.
    pub(crate) live: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Grep {
    pattern: String,
    literal: bool,
    ignore_case: bool,
    path: SandboxPath,
    include: Option<String>,
    limit: u64,
}

impl Grep {
    pub(crate) fn new(query: GrepQuery) -> Self {
        let GrepQuery { pattern, literal, ignore_case, path, include, limit, .. } = query;
        Self { pattern, literal, ignore_case, path, include, limit: limit as u64 }
    }

    pub(crate) fn query(self) -> GrepQuery {
        let mut query = GrepQuery::new(self.pattern, self.path, size(self.limit)).literal(self.literal);
        query.ignore_case = self.ignore_case;
        query.with_include(self.include)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Glob {
    pattern: String,
    path: SandboxPath,
    limit: u64,
}

impl Glob {
    pub(crate) fn new(query: GlobQuery) -> Self {
        Self { pattern: query.pattern, path: query.path, limit: query.limit as u64 }
    }

    pub(crate) fn query(self) -> GlobQuery {
        GlobQuery::new(self.pattern, self.path, size(self.limit))
    }
}

impl Call {
    /// The most bytes of an honest answer. A worker that has more says that it is too much; one that sends more is ended.
    pub(crate) fn reply_limit(&self, limits: &VirtualLimits) -> usize {
        let files = size(limits.total_bytes).saturating_add(size(limits.entries).saturating_mul(NAME_BYTES));
        let data = match self {
            Self::Open(_) | Self::Write(_) | Self::Metadata(_) => 0,
            Self::CreateDir { .. } | Self::Remove { .. } | Self::Restore => 0,
            Self::Read(_) => size(limits.file_bytes),
            Self::List(_) => size(limits.entries).saturating_mul(NAME_BYTES),
            Self::Exec(_) => limits.output_bytes.saturating_mul(2),
            // A character is at most four bytes.
            Self::Grep(grep) => size(grep.limit).saturating_mul(PATH_BYTES + 4 * MAX_LINE_CHARS),
            Self::Glob(glob) => size(glob.limit).saturating_mul(PATH_BYTES),
            Self::Snapshot => files,
        };
        data.saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
    }
}

/// The most bytes of a call that is made under these limits.
pub(crate) fn call_limit(limits: &VirtualLimits) -> usize {
    let files = size(limits.total_bytes).saturating_add(size(limits.entries).saturating_mul(NAME_BYTES));
    files.max(size(limits.file_bytes)).saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
}

/// The most bytes of a call to a command of the application, and of what it answers on each stream.
pub(crate) fn command_limit(limits: &VirtualLimits) -> usize {
    size(limits.memory_bytes).saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What a call gives when it does not fail.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Value {
    Done,
    /// The body is what was asked for.
    Data,
    Metadata(WireMetadata),
    Entries(Vec<(String, WireKind)>),
    Exec(WireOutput),
    Grep(WireGrep),
    Glob {
        paths: Vec<SandboxPath>,
        total: u64,
        incomplete: bool,
    },
}

/// The answer to a [`Call`].
pub(crate) type Reply = Result<Value, WireError>;

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

pub(crate) fn wire_entries(entries: Vec<DirEntry>) -> Value {
    Value::Entries(entries.into_iter().map(|entry| (entry.name, entry.kind.into())).collect())
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

pub(crate) fn wire_glob(hits: GlobHits) -> Value {
    Value::Glob { paths: hits.paths, total: hits.total, incomplete: hits.incomplete }
}

/// A call to a command of the application. The body is its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireCommand {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) cwd: SandboxPath,
    pub(crate) env: BTreeMap<String, String>,
}

/// What the command answers. The body is its standard output, and after that its standard error.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireAnswer {
    pub(crate) exit_code: i32,
    pub(crate) stdout: u64,
}
