//! Messages: what calls, answers and events hold, and how large each may be.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use flue_core::search::{GlobHits, GlobQuery, GrepQuery, MAX_LINE_CHARS};
use flue_core::{Bounds, SandboxPath};
use flue_sandbox_virtual::VirtualLimits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::mirror::{WireGrep, WireMetadata, WireOutput};
use super::reach::WireReach;
use super::{Violation, WireError};
use crate::Containment;

/// What both sides have to be alike in: the crate's version and that of the protocol.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/3");

/// The most bytes of whatever is not data: settings, paths, errors, facts.
pub(crate) const SMALL_BYTES: usize = 1 << 20;
/// The most bytes of any message, whatever limits are set.
pub(crate) const LARGEST_BYTES: usize = 1 << 30;
/// The most bytes of a path and what stands beside it in a list.
const PATH_BYTES: usize = 4096 + 32;
/// The most bytes of a name and what stands beside it in a list.
const NAME_BYTES: usize = 255 + 64;

/// Bytes before the head: its length, little-endian.
const PREFIX_BYTES: usize = 4;

/// Turns a head and a body into the parts of a message.
///
/// # Errors
/// What the head cannot be written for.
pub(crate) fn encode<T: Serialize>(head: &T, body: impl IntoIterator<Item = Bytes>) -> postcard::Result<Vec<Bytes>> {
    let mut start = postcard::to_extend(head, vec![0; PREFIX_BYTES])?;
    let len = u32::try_from(start.len() - PREFIX_BYTES).map_err(|_| postcard::Error::SerializeBufferFull)?;
    start[..PREFIX_BYTES].copy_from_slice(&len.to_le_bytes());
    Ok(std::iter::once(start.into()).chain(body).collect())
}

/// Turns a message back into its head, of at most `most` bytes, and its body.
///
/// What a head decodes to is larger than the head, so this bounds how much memory a made-up one takes.
pub(crate) fn decode<T: DeserializeOwned>(message: &Bytes, most: usize) -> Result<(T, Bytes), Violation> {
    let misunderstood = Violation("a message that cannot be understood");
    let (prefix, rest) = message.split_first_chunk::<PREFIX_BYTES>().ok_or(misunderstood)?;
    let len = size(u64::from(u32::from_le_bytes(*prefix)));
    if len > most {
        return Err(Violation("a head that is longer than one can be"));
    }
    let head = rest.get(..len).ok_or(misunderstood)?;
    match postcard::take_from_bytes(head) {
        Ok((head, [])) => Ok((head, message.slice(PREFIX_BYTES + len..))),
        _ => Err(misunderstood),
    }
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
    /// Any of the others, held to less.
    Within(Box<Bounds>, Box<Self>),
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
    /// Say what was touched.
    pub(crate) reach: bool,
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
    /// Whether it runs a command.
    pub(crate) fn is_exec(&self) -> bool {
        match self {
            Self::Within(_, call) => call.is_exec(),
            call => matches!(call, Self::Exec(_)),
        }
    }

    /// The most bytes of an honest answer's head.
    pub(crate) fn head_limit(&self) -> usize {
        let hits = match self {
            // A character is at most four bytes.
            Self::Grep(grep) => size(grep.limit).saturating_mul(PATH_BYTES + 4 * MAX_LINE_CHARS),
            Self::Glob(glob) => size(glob.limit).saturating_mul(PATH_BYTES),
            Self::Within(_, call) => return call.head_limit(),
            _ => 0,
        };
        hits.saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
    }

    /// The most bytes of an honest answer, head and body. A worker that has more says that it is too much; one that sends more is ended.
    pub(crate) fn reply_limit(&self, limits: &VirtualLimits) -> usize {
        let data = match self {
            Self::Open(_) | Self::Write(_) | Self::Metadata(_) | Self::Grep(_) | Self::Glob(_) => 0,
            Self::CreateDir { .. } | Self::Remove { .. } | Self::Restore => 0,
            Self::Read(_) => size(limits.file_bytes),
            Self::List(_) => size(limits.entries).saturating_mul(NAME_BYTES),
            Self::Exec(_) => limits.output_bytes.saturating_mul(2),
            Self::Snapshot => files(limits),
            Self::Within(_, call) => return call.reply_limit(limits),
        };
        data.saturating_add(self.head_limit()).min(LARGEST_BYTES)
    }
}

/// The most bytes of all files as a snapshot.
fn files(limits: &VirtualLimits) -> usize {
    size(limits.total_bytes).saturating_add(size(limits.entries).saturating_mul(NAME_BYTES))
}

/// The most bytes of a call that is made under these limits.
pub(crate) fn call_limit(limits: &VirtualLimits) -> usize {
    files(limits).max(size(limits.file_bytes)).saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
}

/// Calls to commands of the application that one sandbox makes at a time; more of them wait.
pub(crate) const MAX_COMMANDS: usize = 64;
/// Arguments and variables of one such call.
pub(crate) const MAX_COMMAND_WORDS: usize = 1 << 17;
/// How much all of them together may be, in terms of the largest one.
pub(crate) const LARGEST_COMMANDS: usize = 4;

/// The most bytes of a call to a command of the application, and of what it answers.
pub(crate) fn command_limit(limits: &VirtualLimits) -> usize {
    size(limits.memory_bytes).saturating_add(SMALL_BYTES).min(LARGEST_BYTES)
}

pub(super) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What a call gives when it does not fail.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Value {
    Done,
    /// The body is what was asked for.
    Data,
    Metadata(WireMetadata),
    /// The body is so many entries of a directory.
    Entries(u64),
    Exec(WireOutput, Option<WireReach>),
    Grep(WireGrep),
    Glob {
        paths: Vec<SandboxPath>,
        total: u64,
        incomplete: bool,
    },
}

/// The answer to a [`Call`].
pub(crate) type Reply = Result<Value, WireError>;

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
