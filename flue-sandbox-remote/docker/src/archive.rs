//! Whole files by the engine's archives: a tar of one entry, each way.

use std::io::{self, Read as _};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::Transfer;
use hyper::Method;
use tar::{Archive, Builder, EntryType, Header};

use crate::container::{Container, path};
use crate::engine::query;

/// Below this many bytes a script is faster than an archive: the shell that runs it is there already.
pub(crate) const FROM_BYTES: usize = 1 << 20;
/// What a tar has beside its data: a header, padding and two empty blocks.
const AROUND_BYTES: usize = 4 << 10;

#[async_trait]
impl Transfer for Container {
    /// Names in archives are bytes.
    fn takes(&self, _: &SandboxPath) -> bool {
        true
    }

    /// Gives nothing for what is no file there. For a link one engine (Docker) sends the link and another (Podman) its target;
    /// the kit compares lengths, and reads by a script what is missing.
    async fn download(&self, file: &SandboxPath) -> Result<Bytes> {
        unpack(&self.fetch("read", file).await?).map_err(|error| odd("read", file, error))
    }

    async fn upload(&self, file: &SandboxPath, data: Bytes) -> Result<()> {
        let parent = file.parent().unwrap_or_else(SandboxPath::root);
        let rights = *self.rights.get_or_try_init(|| self.look(file)).await?;
        let tar = pack(file.file_name().unwrap_or_default(), rights, &data).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "write", "this name fits in no archive")
                .with("path", file)
                .with_source(error)
        })?;
        // Not with `copyUIDGID`, for which Docker looks the container's user up among those of its own machine.
        let part = format!("/archive?path={}&noOverwriteDirNonDir=1", query(parent.as_str()));
        let answer = self.engine.archive("write", Method::PUT, &path("write", &self.name, &part)?, Some(tar)).await?;
        let done = answer.good("write", "the engine does not take the file; look whether its disk is full");
        done.map(drop).map_err(|error| error.with("path", file))
    }
}

/// Whose a new file is, and what others may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    user: u64,
    group: u64,
    mode: u32,
}

impl Container {
    /// Fetches the archive of a file.
    async fn fetch(&self, operation: &'static str, file: &SandboxPath) -> Result<Bytes> {
        let at = path(operation, &self.name, &format!("/archive?path={}", query(file.as_str())))?;
        let answer = self.engine.archive(operation, Method::GET, &at, None).await?;
        let tar = answer.good(operation, "the engine does not give the file");
        tar.map(|answer| answer.body).map_err(|error| error.with("path", file))
    }

    /// The rights of a file that the container's user made.
    async fn look(&self, file: &SandboxPath) -> Result<Rights> {
        rights(&self.fetch("write", file).await?).map_err(|error| odd("write", file, error))
    }
}

fn odd(operation: &'static str, file: &SandboxPath, error: io::Error) -> Error {
    Error::new(ErrorKind::Protocol, operation, "the engine's archive is not understood")
        .with("path", file)
        .with_source(error)
}

/// A tar with one file in it.
fn pack(name: &str, rights: Rights, data: &[u8]) -> io::Result<Bytes> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(rights.mode);
    header.set_uid(rights.user);
    header.set_gid(rights.group);
    header.set_mtime(now());
    header.set_size(data.len() as u64);
    let mut tar = Builder::new(Vec::with_capacity(data.len() + AROUND_BYTES));
    tar.append_data(&mut header, name, data)?;
    tar.into_inner().map(Bytes::from)
}

/// Seconds since 1970.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The rights of the file in a tar.
fn rights(tar: &[u8]) -> io::Result<Rights> {
    let mut archive = Archive::new(tar);
    let entry = archive.entries()?.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let header = entry.header();
    Ok(Rights { user: header.uid()?, group: header.gid()?, mode: header.mode()? & 0o777 })
}

/// The data of the file in a tar; nothing if there is none.
fn unpack(tar: &Bytes) -> io::Result<Bytes> {
    let mut archive = Archive::new(&tar[..]);
    let Some(entry) = archive.entries()?.next() else { return Ok(Bytes::new()) };
    let mut entry = entry?;
    if !entry.header().entry_type().is_file() {
        return Ok(Bytes::new());
    }
    let begin = usize::try_from(entry.raw_file_position()).map_err(io::Error::other)?;
    let size = usize::try_from(entry.size()).map_err(io::Error::other)?;
    match begin.checked_add(size) {
        Some(end) if end <= tar.len() => Ok(tar.slice(begin..end)),
        _ => {
            // The library says what is missing.
            entry.read_to_end(&mut Vec::new())?;
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = "n".repeat(255);
        for (name, data) in [("a # ?%41\n🦀", &b"\0\xff data"[..]), (&*long, b""), (".flue-1", &[7; 1025])] {
            let given = Rights { user: 1234, group: 3_000_000, mode: 0o640 };
            let tar = pack(name, given, data).unwrap();
            assert_eq!((unpack(&tar).unwrap(), rights(&tar).unwrap()), (Bytes::copy_from_slice(data), given));
            let mut archive = Archive::new(&tar[..]);
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(entry.path_bytes(), name.as_bytes());
        }
    }

    #[test]
    fn what_breaks_off_is_an_error_and_what_is_no_file_is_nothing() {
        let tar = pack("file", Rights { user: 0, group: 0, mode: 0o600 }, &[1; 5000]).unwrap();
        assert!(unpack(&tar.slice(..3000)).is_err());
        assert!(unpack(&tar.slice(..100)).is_err());
        assert!(unpack(&Bytes::from(vec![1; 1024])).is_err());
        assert_eq!(unpack(&Bytes::from(vec![0; 1024])).unwrap(), "");
        let mut link = Header::new_gnu();
        link.set_entry_type(EntryType::Symlink);
        link.set_size(0);
        let mut tar = Builder::new(Vec::new());
        tar.append_link(&mut link, "link", "/etc/passwd").unwrap();
        assert_eq!(unpack(&tar.into_inner().unwrap().into()).unwrap(), "");
    }
}
