//! A sandbox of one's own, and what tells whether it is one: files in a directory of this machine, without commands.
//!
//! `cargo run -p flue-core-testkit --example own_sandbox`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    Capabilities, CreateDir, DirEntry, Error, ErrorKind, ExecOutput, ExecRequest, FileKind, FileSystem, Metadata,
    OpenRequest, Remove, Result, Sandbox, SandboxFactory, SandboxInfo, SandboxLevel, SandboxPath,
};
use flue_core_testkit::{Scratch, sandbox};

/// What is opened: every id works in the same directory.
#[derive(Debug)]
struct Shelf {
    root: PathBuf,
}

#[async_trait]
impl SandboxFactory for Shelf {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        let cwd = SandboxPath::new("/shelf")?.join(request.cwd.as_deref().unwrap_or_default())?;
        // Say what is true: the model is told from it, and the suite holds the sandbox to it.
        let mut can = Capabilities::full();
        (can.exec, can.stdin, can.live_output, can.symlinks) = (false, false, false, false);
        can.persistent = true;
        let info = SandboxInfo::new(SandboxLevel::Local, "shelf", cwd, can);
        let sandbox = OpenShelf { root: self.root.clone(), info, closed: AtomicBool::new(false) };
        sandbox.create_dir(&sandbox.info.cwd, CreateDir::recursive()).await?;
        Ok(Arc::new(sandbox))
    }
}

#[derive(Debug)]
struct OpenShelf {
    root: PathBuf,
    info: SandboxInfo,
    closed: AtomicBool,
}

impl OpenShelf {
    /// Where a path is on this machine. Paths come in absolute and without `..`.
    fn host(&self, operation: &'static str, path: &SandboxPath) -> Result<PathBuf> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed"));
        }
        Ok(path.segments().fold(self.root.clone(), |host, segment| host.join(segment)))
    }

    fn kind(&self, operation: &'static str, path: &SandboxPath) -> Result<FileKind> {
        let facts = fs::metadata(self.host(operation, path)?).map_err(|error| failed(operation, path, &error))?;
        Ok(if facts.is_dir() { FileKind::Directory } else { FileKind::File })
    }
}

fn failed(operation: &'static str, path: &SandboxPath, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        std::io::ErrorKind::IsADirectory => ErrorKind::IsADirectory,
        std::io::ErrorKind::NotADirectory => ErrorKind::NotADirectory,
        std::io::ErrorKind::DirectoryNotEmpty => ErrorKind::DirectoryNotEmpty,
        std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        std::io::ErrorKind::InvalidFilename => ErrorKind::InvalidInput,
        _ => ErrorKind::Io,
    };
    Error::new(kind, operation, error.to_string()).with("path", path)
}

// A real one would not block its thread on files; see `flue-sandbox-local`.
#[async_trait]
impl FileSystem for OpenShelf {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        let bytes = fs::read(self.host("read", path)?).map_err(|error| failed("read", path, &error))?;
        Ok(bytes.into())
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        let fail = |error: std::io::Error| failed("write", path, &error);
        let host = self.host("write", path)?;
        if let Some(parent) = host.parent() {
            // What is in the way of a parent is a file.
            fs::create_dir_all(parent).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => fail(std::io::ErrorKind::NotADirectory.into()),
                _ => fail(error),
            })?;
        }
        if host.is_dir() {
            return Err(Error::new(ErrorKind::IsADirectory, "write", "it is a directory").with("path", path));
        }
        // All or nothing: readers see the old content or the new.
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let beside = self.root.join(format!(".writing-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::write(&beside, data).and_then(|()| fs::rename(&beside, &host)).map_err(fail)
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        let fail = |error: std::io::Error| failed("metadata", path, &error);
        let facts = fs::metadata(self.host("metadata", path)?).map_err(fail)?;
        let kind = if facts.is_dir() { FileKind::Directory } else { FileKind::File };
        let metadata = Metadata::new(kind).with_len(if facts.is_dir() { 0 } else { facts.len() });
        Ok(metadata.with_modified(facts.modified().map_err(fail)?))
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        let fail = |error: std::io::Error| failed("list", path, &error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.host("list", path)?).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let kind = if entry.file_type().map_err(fail)?.is_dir() { FileKind::Directory } else { FileKind::File };
            entries.push(DirEntry::new(entry.file_name().to_string_lossy(), kind));
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        let fail = |error: std::io::Error| failed("create directory", path, &error);
        let host = self.host("create directory", path)?;
        let made = if options.recursive { fs::create_dir_all(host) } else { fs::create_dir(host) };
        made.map_err(fail)
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        let kind = match self.kind("remove", path) {
            Err(error) if error.kind() == ErrorKind::NotFound && options.force => return Ok(()),
            kind => kind?,
        };
        let host = self.host("remove", path)?;
        let removed = match (kind, options.recursive) {
            (FileKind::Directory, true) => fs::remove_dir_all(host),
            (FileKind::Directory, false) => fs::remove_dir(host),
            _ => fs::remove_file(host),
        };
        removed.map_err(|error| failed("remove", path, &error))
    }
}

#[async_trait]
impl Sandbox for OpenShelf {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, _request: ExecRequest) -> Result<ExecOutput> {
        self.host("exec", &self.info.cwd)?;
        Err(Error::unsupported("exec", "a shelf runs no commands"))
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        search::grep(self, &query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        search::glob(self, &query).await
    }

    async fn close(&self) -> Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn main() -> ExitCode {
    let scratch = Scratch::new("own-sandbox");
    let report = sandbox::suite(Shelf { root: scratch.path().to_owned() }).run_blocking();
    println!("{report}");
    if report.failed().next().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
