//! Looking at files.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flue_core::{DirEntry, FileKind, Metadata, Result, SandboxPath};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{Last, Parents, Refusal, Root, open_at};

/// The largest file that is read whole.
const MAX_READ_BYTES: u64 = 256 << 20;
/// The most entries of a directory that are listed.
const MAX_ENTRIES: usize = 1_000_000;

pub(super) fn read(root: &Root, path: &SandboxPath) -> Result<Bytes, Refusal> {
    let (file, len) = root.settle(path, Parents::Require, |spot| open_regular(spot.dir.as_fd(), spot.name()))?;
    if len > MAX_READ_BYTES {
        return Err(Refusal::Limit("bytes in one file", MAX_READ_BYTES));
    }
    // Not trusted any further: the file may be written to meanwhile, and files in /proc have no size.
    let mut data = Vec::with_capacity(usize::try_from(len).unwrap_or_default());
    if file.take(MAX_READ_BYTES + 1).read_to_end(&mut data)? as u64 > MAX_READ_BYTES {
        return Err(Refusal::Limit("bytes in one file", MAX_READ_BYTES));
    }
    Ok(data.into())
}

/// Opens a regular file for reading and tells its size. Nothing else is even opened: that has effects on some devices.
pub(crate) fn open_regular(dir: BorrowedFd<'_>, name: &[u8]) -> Result<(File, u64), Refusal> {
    check_regular(&rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?)?;
    let file = open_at(dir, name, OFlags::RDONLY)?;
    let stat = rustix::fs::fstat(&file)?;
    check_regular(&stat)?;
    Ok((file.into(), u64::try_from(stat.st_size).unwrap_or_default()))
}

pub(super) fn check_regular(stat: &Stat) -> Result<(), Refusal> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Errno::ISDIR.into()),
        FileType::Symlink => Err(Errno::LOOP.into()),
        _ => Err(Refusal::Special),
    }
}

pub(super) fn metadata(root: &Root, path: &SandboxPath) -> Result<Metadata, Refusal> {
    if path != root.path() && root.path().is_within(path) {
        // The way to the root. That these are directories, its own path says.
        return Ok(Metadata::new(FileKind::Directory));
    }
    let spot = root.locate(path, Last::Keep, Parents::Require)?;
    let own = rustix::fs::statat(&spot.dir, spot.name(), AtFlags::SYMLINK_NOFOLLOW)?;
    let is_symlink = FileType::from_raw_mode(own.st_mode) == FileType::Symlink;
    if !is_symlink {
        return Ok(facts(&own));
    }
    let target = root.settle(path, Parents::Require, |spot| {
        let stat = rustix::fs::statat(&spot.dir, spot.name(), AtFlags::SYMLINK_NOFOLLOW)?;
        let became_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        if became_link { Err(Errno::LOOP.into()) } else { Ok(stat) }
    })?;
    Ok(facts(&target).with_symlink(true))
}

fn facts(stat: &Stat) -> Metadata {
    let kind = kind(FileType::from_raw_mode(stat.st_mode));
    let facts = Metadata::new(kind).with_mode(Mode::from_raw_mode(stat.st_mode).as_raw_mode());
    let facts = match modified(stat) {
        Some(modified) => facts.with_modified(modified),
        None => facts,
    };
    match u64::try_from(stat.st_size) {
        Ok(len) if kind == FileKind::File => facts.with_len(len),
        _ => facts,
    }
}

#[expect(clippy::useless_conversion, reason = "the fields have other types on other systems")]
fn modified(stat: &Stat) -> Option<SystemTime> {
    let (seconds, nanos) = (i64::from(stat.st_mtime), u32::try_from(stat.st_mtime_nsec).ok()?);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let at = SystemTime::UNIX_EPOCH;
    let at = if seconds < 0 { at.checked_sub(whole) } else { at.checked_add(whole) };
    at?.checked_add(Duration::from_nanos(nanos.into()))
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

pub(super) fn list(root: &Root, path: &SandboxPath) -> Result<Vec<DirEntry>, Refusal> {
    let dir = root.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let entries = entries(&dir)?.into_iter();
    let mut entries: Vec<DirEntry> =
        entries.map(|(name, file_type)| DirEntry::new(String::from_utf8_lossy(&name), kind(file_type))).collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// The names in a directory and what they are, in no order.
pub(crate) fn entries(dir: &OwnedFd) -> Result<Vec<(Vec<u8>, FileType)>, Refusal> {
    let mut entries = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if entries.len() == MAX_ENTRIES {
            return Err(Refusal::Limit("entries in one directory", MAX_ENTRIES as u64));
        }
        let file_type = match entry.file_type() {
            // Not every file system tells in its directories.
            FileType::Unknown => match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            },
            known => known,
        };
        entries.push((name.to_vec(), file_type));
    }
    Ok(entries)
}
