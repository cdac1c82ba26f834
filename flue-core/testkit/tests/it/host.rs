//! A sandbox over a temporary directory and the host's `bash`: the shell cases are held against the real thing.

use std::io::ErrorKind as Io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::search::{self, GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{
    Capabilities, CreateDir, DirEntry, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, FileKind, FileSystem,
    Metadata, OpenRequest, OutputSink, OutputStream, Remove, Result, Sandbox, SandboxFactory, SandboxInfo,
    SandboxLevel, SandboxPath,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

/// The most bytes of each stream that are kept.
const MAX_OUTPUT_BYTES: usize = 4 << 20;
/// How long output is still read once the shell is gone; what it left in the background may hold the pipes for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// Opens sandboxes over one temporary directory.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    dir: Arc<TempDir>,
}

#[derive(Debug)]
struct TempDir(PathBuf);

impl Host {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("flue-testkit-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self { dir: Arc::new(TempDir(dir.canonicalize().unwrap())) }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[async_trait]
impl SandboxFactory for Host {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        let base = SandboxPath::new(self.dir.0.to_str().unwrap())?;
        let cwd = base.join(request.cwd.as_deref().unwrap_or_default())?;
        let mut can = Capabilities::full();
        can.persistent = true;
        let info = SandboxInfo::new(SandboxLevel::Local, "host", cwd, can);
        let sandbox =
            HostSandbox { info, closed: tokio_util::sync::CancellationToken::new(), temporary: AtomicU64::new(0) };
        sandbox.create_dir(&sandbox.info.cwd, CreateDir::recursive()).await?;
        Ok(Arc::new(sandbox))
    }
}

#[derive(Debug)]
struct HostSandbox {
    info: SandboxInfo,
    closed: tokio_util::sync::CancellationToken,
    temporary: AtomicU64,
}

impl HostSandbox {
    fn alive(&self, operation: &'static str) -> Result<()> {
        if self.closed.is_cancelled() { Err(died(operation)) } else { Ok(()) }
    }
}

fn died(operation: &'static str) -> Error {
    Error::new(ErrorKind::SandboxDied, operation, "the sandbox was closed")
}

fn io(operation: &'static str, path: &SandboxPath) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.clone();
    move |error| {
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::NotADirectory => ErrorKind::NotADirectory,
            Io::IsADirectory => ErrorKind::IsADirectory,
            Io::DirectoryNotEmpty => ErrorKind::DirectoryNotEmpty,
            Io::PermissionDenied => ErrorKind::PermissionDenied,
            Io::InvalidInput | Io::InvalidFilename => ErrorKind::InvalidInput,
            _ => ErrorKind::Io,
        };
        Error::new(kind, operation, "the host refuses").with("path", path).with_source(error)
    }
}

fn kind(file_type: std::fs::FileType) -> FileKind {
    match file_type {
        kind if kind.is_symlink() => FileKind::Symlink,
        kind if kind.is_dir() => FileKind::Directory,
        kind if kind.is_file() => FileKind::File,
        _ => FileKind::Other,
    }
}

#[async_trait]
impl FileSystem for HostSandbox {
    async fn read(&self, path: &SandboxPath) -> Result<Bytes> {
        self.alive("read")?;
        Ok(std::fs::read(path.as_str()).map_err(io("read", path))?.into())
    }

    async fn write(&self, path: &SandboxPath, data: Bytes) -> Result<()> {
        self.alive("write")?;
        let target = std::fs::canonicalize(path.as_str()).unwrap_or_else(|_| PathBuf::from(path.as_str()));
        if target.is_dir() {
            return Err(Error::new(ErrorKind::IsADirectory, "write", "it is a directory"));
        }
        let parent = target.parent().unwrap();
        std::fs::create_dir_all(parent).map_err(io("write", path)).map_err(|error| match error.kind() {
            // What `create_dir_all` says of a file in the place of a directory.
            ErrorKind::AlreadyExists => Error::new(ErrorKind::NotADirectory, "write", "not a directory"),
            _ => error,
        })?;
        let temporary = parent.join(format!(".write-{}", self.temporary.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&temporary, data).map_err(io("write", path))?;
        std::fs::rename(&temporary, &target).map_err(io("write", path)).inspect_err(|_| {
            let _ = std::fs::remove_file(&temporary);
        })
    }

    async fn metadata(&self, path: &SandboxPath) -> Result<Metadata> {
        self.alive("metadata")?;
        let own = std::fs::symlink_metadata(path.as_str()).map_err(io("metadata", path))?;
        let target = std::fs::metadata(path.as_str()).map_err(io("metadata", path))?;
        Ok(Metadata::new(kind(target.file_type()))
            .with_symlink(own.is_symlink())
            .with_len(target.len())
            .with_modified(target.modified().unwrap()))
    }

    async fn list(&self, path: &SandboxPath) -> Result<Vec<DirEntry>> {
        self.alive("list")?;
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path.as_str()).map_err(io("list", path))? {
            let entry = entry.map_err(io("list", path))?;
            let kind = kind(entry.file_type().map_err(io("list", path))?);
            entries.push(DirEntry::new(entry.file_name().to_string_lossy(), kind));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    async fn create_dir(&self, path: &SandboxPath, options: CreateDir) -> Result<()> {
        self.alive("create directory")?;
        let made =
            if options.recursive { std::fs::create_dir_all(path.as_str()) } else { std::fs::create_dir(path.as_str()) };
        made.map_err(io("create directory", path))
    }

    async fn remove(&self, path: &SandboxPath, options: Remove) -> Result<()> {
        self.alive("remove")?;
        let removed = match std::fs::symlink_metadata(path.as_str()) {
            Err(error) if error.kind() == Io::NotFound && options.force => Ok(()),
            Err(error) => Err(error),
            Ok(own) if !own.is_dir() => std::fs::remove_file(path.as_str()),
            Ok(_) if options.recursive => std::fs::remove_dir_all(path.as_str()),
            Ok(_) => std::fs::remove_dir(path.as_str()),
        };
        removed.map_err(io("remove", path))
    }
}

#[async_trait]
impl Sandbox for HostSandbox {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    fn fs(&self) -> &dyn FileSystem {
        self
    }

    async fn exec(&self, request: ExecRequest) -> Result<ExecOutput> {
        self.alive("exec")?;
        request.refuse_terminal()?;
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled("exec"));
        }
        let closed = self.closed.clone();
        tokio::select! {
            output = run(&self.info.cwd, request) => output,
            () = closed.cancelled() => Err(died("exec")),
        }
    }

    async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        search::grep(self, &query).await
    }

    async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        search::glob(self, &query).await
    }

    async fn close(&self) -> Result<()> {
        self.closed.cancel();
        Ok(())
    }
}

async fn run(base: &SandboxPath, request: ExecRequest) -> Result<ExecOutput> {
    let cwd = request.cwd.as_ref().unwrap_or(base);
    if !std::fs::metadata(cwd.as_str()).map_err(io("exec", cwd))?.is_dir() {
        return Err(Error::new(ErrorKind::NotADirectory, "exec", "the working directory is a file"));
    }
    if request.env.keys().any(|key| key.is_empty() || key.contains('=')) {
        return Err(Error::new(ErrorKind::InvalidInput, "exec", "a variable has no name, or a `=` in it"));
    }
    // By its whole path: a variable of the request must not decide which shell runs.
    let mut command = std::process::Command::new("/bin/bash");
    command.arg("-c").arg(&request.command).current_dir(cwd.as_str()).process_group(0);
    command.env_clear().envs(["PATH", "HOME"].map(|key| (key, std::env::var_os(key).unwrap_or_default())));
    command.envs(&request.env).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if request.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = tokio::process::Command::from(command).spawn().map_err(io("exec", cwd))?;
    let _group = Group(child.id().unwrap());

    if let (Some(mut pipe), Some(stdin)) = (child.stdin.take(), request.stdin) {
        // A command that does not read its input breaks the pipe, which is no error.
        tokio::spawn(async move { pipe.write_all(&stdin).await });
    }
    let out = Capture::start(OutputStream::Stdout, child.stdout.take().unwrap(), request.sink.clone());
    let err = Capture::start(OutputStream::Stderr, child.stderr.take().unwrap(), request.sink);
    let timeout = request.timeout.unwrap_or(Duration::MAX);
    let end = tokio::select! {
        status = child.wait() => {
            let status = status.map_err(io("exec", cwd))?;
            status.signal().map_or_else(|| ExecEnd::Exited(status.code().unwrap_or(-1)), ExecEnd::Signalled)
        }
        () = tokio::time::sleep(timeout) => ExecEnd::TimedOut,
        () = request.cancel.cancelled() => return Err(Error::cancelled("exec")),
    };
    let ((stdout, out_dropped), (stderr, err_dropped)) = (out.finish().await, err.finish().await);
    Ok(ExecOutput::new(end, stdout, stderr).with_dropped(out_dropped, err_dropped))
}

/// A process group, killed when this is dropped.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0);
        let _ = std::process::Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}

struct Capture {
    kept: Arc<Mutex<(Vec<u8>, u64)>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Capture {
    fn start(
        stream: OutputStream,
        mut pipe: impl AsyncRead + Unpin + Send + 'static,
        sink: Option<Arc<dyn OutputSink>>,
    ) -> Self {
        let kept = Arc::new(Mutex::new((Vec::new(), 0)));
        let shared = Arc::clone(&kept);
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
                if let Some(sink) = &sink {
                    sink.output(stream, &buffer[..read]);
                }
                let mut kept = shared.lock().unwrap();
                let fits = read.min(MAX_OUTPUT_BYTES - kept.0.len());
                kept.0.extend_from_slice(&buffer[..fits]);
                kept.1 += (read - fits) as u64;
            }
        });
        Self { kept, reader }
    }

    async fn finish(mut self) -> (Vec<u8>, u64) {
        if tokio::time::timeout(DRAIN, &mut self.reader).await.is_err() {
            self.reader.abort();
        }
        std::mem::take(&mut *self.kept.lock().unwrap())
    }
}
