//! Files by scripts: one for each operation, answers in fields that end with NUL.

mod ahead;
mod gather;
mod script;
mod stage;
mod staged;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{CreateDir, DirEntry, Error, ErrorKind, FileKind, FileSystem, Metadata, Remove, Result, SandboxPath};

pub(crate) use self::ahead::{glob, grep};
use self::gather::Gather;
pub(crate) use self::stage::stage;
use self::staged::Staged;
use crate::call::Link;

/// The largest file that is read or written whole, in bytes: 256 MiB.
pub const MAX_FILE_BYTES: usize = 256 << 20;
/// The largest listing or word that an operation answers with.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How often a read in pieces is begun again because the file was replaced meanwhile.
const READS: usize = 5;
/// What an answer has around the bytes of a file.
const AROUND_BYTES: usize = 4 << 10;
/// What ends a whole answer.
const END: &[u8] = b"\0end";

/// The files of one machine.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    link: Arc<Link>,
    small: Arc<Gather>,
}

impl Files {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, small: Arc::default() }
    }

    /// The most of `most` bytes that one answer can have.
    fn answer_bytes(&self, most: usize) -> usize {
        self.link.driver().facts().reply_bytes.map_or(most, |bytes| bytes.min(most))
    }

    /// Runs one operation on `path`, its first argument, and gives what follows `ok`.
    async fn ask(
        &self,
        operation: &'static str,
        body: &str,
        path: &SandboxPath,
        more: &[&str],
        stdin: Option<Bytes>,
        limit: usize,
    ) -> Result<Bytes> {
        let mut args = vec![path.as_str()];
        args.extend_from_slice(more);
        let body = format!("{}\n{body}", script::WHY);
        let answer = self.link.operate(operation, &body, &args, stdin, limit.saturating_add(AROUND_BYTES)).await?;
        judge(operation, path, answer)
    }

    async fn piece(&self, path: &SandboxPath, offset: u64, len: usize) -> Result<Piece> {
        let (from, most) = ((offset + 1).to_string(), len.to_string());
        let limit = MAX_FILE_BYTES.to_string();
        let answer = self.ask("read", script::READ, path, &[&limit, &from, &most], None, len).await?;
        Piece::parse(answer).ok_or_else(|| broken("read", path))
    }

    async fn read_in_pieces(&self, path: &SandboxPath, len: usize) -> Result<Bytes> {
        for _ in 0..READS {
            let first = self.piece(path, 0, len).await?;
            let mut data = first.data.to_vec();
            loop {
                if data.len() as u64 >= first.size {
                    return Ok(data.into());
                }
                let next = self.piece(path, data.len() as u64, len).await?;
                if next.identity != first.identity || next.data.is_empty() {
                    break;
                }
                data.extend_from_slice(&next.data);
            }
        }
        let why = "the file was replaced again and again while it was read; try when it rests";
        Err(Error::new(ErrorKind::Conflict, "read", why).with("path", path))
    }

    async fn write_staged(&self, path: &SandboxPath, data: &Bytes) -> Result<()> {
        const OPERATION: &str = "write";
        let frame = self.link.frame()?;
        let place = self.ask(OPERATION, &script::place(), path, &[&frame.nonce], None, MAX_ANSWER_BYTES).await?;
        let place = String::from_utf8(place.to_vec()).map_err(|_| broken(OPERATION, path))?;
        let (target, temporary) = place.split_once('\0').ok_or_else(|| broken(OPERATION, path))?;
        let temporary = SandboxPath::new(temporary.trim_end_matches('\0'))?;
        let mut staged = Staged::new(&self.link, &temporary);
        let transfers = self.link.driver().files().is_some_and(|files| files.takes(&temporary));
        let moved = match transfers {
            true => staged.upload(data).await,
            false => stage::pieces(&self.link, OPERATION, temporary.as_str(), data).await,
        };
        let len = data.len().to_string();
        let body = if moved.is_ok() { script::commit() } else { script::DISCARD.to_owned() };
        let done = self.ask(OPERATION, &body, path, &[target, temporary.as_str(), &len], None, MAX_ANSWER_BYTES).await;
        staged.settle();
        moved.and(done.map(drop))
    }
}

/// A part of a file, and which file it is of.
struct Piece {
    identity: Bytes,
    size: u64,
    data: Bytes,
}

impl Piece {
    fn parse(answer: Bytes) -> Option<Self> {
        let first = answer.iter().position(|byte| *byte == 0)?;
        let second = first + 1 + answer[first + 1..].iter().position(|byte| *byte == 0)?;
        let size = std::str::from_utf8(&answer[first + 1..second]).ok()?.trim().parse().ok()?;
        Some(Self { identity: answer.slice(..first), size, data: answer.slice(second + 1..) })
    }
}

/// Takes the frame off an answer: `ok NUL … NUL end`, or `no NUL kind NUL end`.
fn judge(operation: &'static str, path: &SandboxPath, answer: Vec<u8>) -> Result<Bytes> {
    let answer = Bytes::from(answer);
    let Some(body) = answer.strip_suffix(END) else { return Err(broken(operation, path)) };
    let len = body.len();
    if body.starts_with(b"ok\0") {
        return Ok(answer.slice(3..len));
    }
    let Some(kind) = body.strip_prefix(b"no\0") else { return Err(broken(operation, path)) };
    let kind = String::from_utf8_lossy(kind);
    let (kind, said) = kind.split_once('\0').unwrap_or((&kind, ""));
    Err(failed(operation, path, kind, said))
}

/// The error of an operation on `path` that failed in this way, with a tool's own words.
fn failed(operation: &'static str, path: &SandboxPath, kind: &str, said: &str) -> Error {
    let (kind, why) = match kind {
        "missing" => (ErrorKind::NotFound, "nothing exists under this path"),
        "exists" => (ErrorKind::AlreadyExists, "something exists already under this path"),
        "notdir" => (ErrorKind::NotADirectory, "a part of this path is not a directory"),
        "isdir" => (ErrorKind::IsADirectory, "this is a directory"),
        "full" => (ErrorKind::DirectoryNotEmpty, "the directory is not empty; remove it recursively"),
        "denied" => (ErrorKind::PermissionDenied, "the machine does not permit it"),
        "special" => (ErrorKind::InvalidInput, "this is neither a file nor a directory"),
        "large" => (ErrorKind::LimitExceeded, "the file is larger than what is read whole; read it with a command"),
        "name" => (ErrorKind::InvalidInput, "a name in this path is too long"),
        "short" => (ErrorKind::Io, "not all bytes arrived, or the disk is full; nothing was changed"),
        _ => (ErrorKind::Io, "the machine could not do it"),
    };
    let error = Error::new(kind, operation, why).with("path", path);
    if said.is_empty() { error } else { error.with("said", said) }
}

fn broken(operation: &'static str, path: &SandboxPath) -> Error {
    Error::new(ErrorKind::Protocol, operation, "the machine's answer broke off").with("path", path)
}

fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}

#[async_trait]
impl FileSystem for Files {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        let facts = self.link.driver().facts();
        if let Some(files) = self.link.driver().files().filter(|files| files.reads() && files.takes(path)) {
            let small = facts.transfer_from.min(facts.reply_bytes.unwrap_or(usize::MAX));
            let found = self.piece(path, 0, small).await?;
            if found.data.len() as u64 == found.size {
                return Ok(found.data);
            }
            let data = files.download(path).await?;
            if data.len() as u64 == found.size {
                return Ok(data);
            }
            // It changed meanwhile, or the interface gave something else: scripts know.
        }
        match facts.reply_bytes {
            Some(most) => self.read_in_pieces(path, most.min(MAX_FILE_BYTES)).await,
            None => Ok(self.piece(path, 0, MAX_FILE_BYTES).await?.data),
        }
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        if data.len() > MAX_FILE_BYTES {
            let why = "the file is larger than what is written whole; write it with commands, in parts";
            return Err(Error::new(ErrorKind::LimitExceeded, "write", why).with("path", path));
        }
        let driver = self.link.driver();
        let facts = driver.facts();
        let transfers = || data.len() >= facts.transfer_from && driver.files().is_some_and(|files| files.takes(path));
        if data.len() <= gather::room(facts) && !transfers() {
            return self.small.write(&self.link, path, data).await;
        }
        if !facts.stdin || transfers() {
            return self.write_staged(path, &data).await;
        }
        let (nonce, len) = (crate::id::fresh()?, data.len().to_string());
        self.ask("write", &script::write(), path, &[&nonce, &len], Some(data), MAX_ANSWER_BYTES).await.map(drop)
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let answer = self.ask("metadata", script::METADATA, path, &[], None, MAX_ANSWER_BYTES).await?;
        let text = String::from_utf8_lossy(&answer);
        let facts = || -> Option<Metadata> {
            let mut words = text.split([' ', '\0']);
            let is_symlink = words.next()? == "1";
            let mode = u32::from_str_radix(words.next()?, 16).ok()?;
            let size: u64 = words.next()?.parse().ok()?;
            let modified: u64 = words.next()?.trim().parse().ok()?;
            // The type bits of a mode (POSIX, `S_IFMT` as Linux numbers it).
            let kind = match mode & 0o170_000 {
                0o100_000 => FileKind::File,
                0o040_000 => FileKind::Directory,
                _ => FileKind::Other,
            };
            let facts = Metadata::new(kind).with_symlink(is_symlink).with_mode(mode & 0o7777);
            let facts = if kind == FileKind::File { facts.with_len(size) } else { facts };
            let modified = UNIX_EPOCH.checked_add(Duration::from_secs(modified));
            Some(match modified {
                Some(modified) => facts.with_modified(modified),
                None => facts,
            })
        };
        facts().ok_or_else(|| broken("metadata", path))
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let answer = self.ask("list", script::LIST, path, &[], None, MAX_ANSWER_BYTES).await?;
        let mut entries: Vec<DirEntry> = answer
            .split(|byte| *byte == 0)
            .filter(|entry| entry.len() > 1)
            .map(|entry| {
                let kind = match entry[0] {
                    b'l' => FileKind::Symlink,
                    b'd' => FileKind::Directory,
                    b'f' => FileKind::File,
                    _ => FileKind::Other,
                };
                DirEntry::new(String::from_utf8_lossy(&entry[1..]), kind)
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        let more = [flag(options.recursive)];
        self.ask("create directory", script::CREATE_DIR, path, &more, None, MAX_ANSWER_BYTES).await.map(drop)
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        if path.is_root() {
            let why = "the root of a machine is not removed";
            return Err(Error::new(ErrorKind::PermissionDenied, "remove", why));
        }
        let more = [flag(options.recursive), flag(options.force)];
        self.ask("remove", script::REMOVE, path, &more, None, MAX_ANSWER_BYTES).await.map(drop)
    }
}
