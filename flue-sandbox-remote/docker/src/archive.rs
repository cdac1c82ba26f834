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
/// The permissions of a new file.
const MODE: u32 = 0o644;
/// What a tar has beside its data: a header, padding and two empty blocks.
const AROUND_BYTES: usize = 4 << 10;

#[async_trait]
impl Transfer for Container {
    /// Names in archives may have any bytes but NUL.
    fn takes(&self, _: &SandboxPath) -> bool {
        true
    }

    /// Gives nothing for what is no file there. For a link one engine (Docker) sends the link and another (Podman) its target;
    /// the kit compares lengths, and reads by a script what is missing.
    async fn download(&self, file: &SandboxPath) -> Result<Bytes> {
        let at = path("read", &self.name, &format!("/archive?path={}", query(file.as_str())))?;
        let answer = self.engine.archive("read", Method::GET, &at, None).await?;
        let tar = answer.good("read", "the engine does not give the file").map_err(|error| error.with("path", file))?;
        unpack(&tar.body).map_err(|error| {
            Error::new(ErrorKind::Protocol, "read", "the engine's archive is not understood")
                .with("path", file)
                .with_source(error)
        })
    }

    async fn upload(&self, file: &SandboxPath, data: Bytes) -> Result<()> {
        let parent = file.parent().unwrap_or_else(SandboxPath::root);
        // The file becomes the property of the user that the container has.
        let part = format!("/archive?path={}&noOverwriteDirNonDir=1&copyUIDGID=1", query(parent.as_str()));
        let tar = pack(file.file_name().unwrap_or_default(), &data).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "write", "this name fits in no archive")
                .with("path", file)
                .with_source(error)
        })?;
        let answer = self.engine.archive("write", Method::PUT, &path("write", &self.name, &part)?, Some(tar)).await?;
        let done = answer.good("write", "the engine does not take the file; look whether its disk is full");
        done.map(drop).map_err(|error| error.with("path", file))
    }
}

/// A tar with one file in it.
fn pack(name: &str, data: &[u8]) -> io::Result<Bytes> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
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
            let tar = pack(name, data).unwrap();
            assert_eq!(unpack(&tar).unwrap(), data);
            let mut archive = Archive::new(&tar[..]);
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(entry.path_bytes(), name.as_bytes());
            assert_eq!(entry.header().mode().unwrap(), MODE);
        }
    }

    #[test]
    fn what_breaks_off_is_an_error_and_what_is_no_file_is_nothing() {
        let tar = pack("file", &[1; 5000]).unwrap();
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
