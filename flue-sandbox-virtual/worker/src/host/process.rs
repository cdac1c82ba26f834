//! One process: its start, its first words, and its end.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use flue_core::{Error, ErrorKind, Result};
use rustix::process::Signal;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::INITIALISED;
use crate::contained::Settings;
use crate::death::MEMORY_MARK;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::message::{Ready, SMALL_BYTES, Setup, VERSION, decode, encode};
use crate::wire::{Assembly, Frames, Header, Kind, Violation, WireError};
use crate::worker::NAME;
use crate::{Containment, Death};

/// This program, wherever its file is by now.
const SELF: &str = "/proc/self/exe";
/// How long a process may take from its start to its first words.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a process that closed its socket may take to end by itself, so that it can be seen why it did.
const END_LIMIT: Duration = Duration::from_millis(500);
/// How long a process that was killed is waited for. The kernel may hold it.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How often it is looked for one that is killed where nothing can be awaited.
const DROP_LOOKS: u32 = 200;
/// The most bytes that are read of what a process said on standard error.
const MAX_SAID_BYTES: u64 = 64 << 10;
/// What the standard library says when there is no memory to be had.
const NO_MEMORY: &str = "memory allocation of";
/// Bytes that the buffer for what arrives has room for at least.
const LEAST_BUFFER_BYTES: usize = 8 << 10;
/// Bytes of it that are kept while nothing arrives.
const IDLE_BUFFER_BYTES: usize = 16 << 10;

/// A process that is ready to be a sandbox.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    said: PipeReader,
    pub(super) socket: UnixStream,
    pub(super) incoming: Incoming,
    pub(super) containment: Containment,
}

impl Process {
    /// Starts one. It ends with the thread that calls this.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when this program is not prepared for it, [`ErrorKind::Io`] when the system does not start it,
    /// and what the worker says against going on.
    pub(super) async fn start(settings: &Settings) -> Result<Self> {
        let (child, said, socket) = spawn(settings)?;
        let containment = Containment { memory_bytes: 0, cpu_time: None, system_calls_filtered: false };
        let mut process = Self { child, said, socket, incoming: Incoming::default(), containment };
        match timeout(START_LIMIT, process.greet(settings)).await {
            Ok(Ok(containment)) => {
                process.containment = containment;
                Ok(process)
            }
            Ok(Err(Unready::Refused(error))) => Err(error),
            Ok(Err(Unready::Gone)) => Err(process.never_began().await),
            Err(_) => Err(Error::new(ErrorKind::Timeout, "open", "the sandbox's process does not begin")),
        }
    }

    /// A shell that is no worker, with the other end of its socket.
    #[cfg(test)]
    pub(super) fn pretended(script: &str) -> (Self, std::os::unix::net::UnixStream) {
        let (said, says) = io::pipe().unwrap();
        let child = Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::null()).stderr(says).spawn().unwrap();
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let socket = UnixStream::from_std(ours).unwrap();
        let containment = Containment { memory_bytes: 0, cpu_time: None, system_calls_filtered: false };
        (Self { child, said, socket, incoming: Incoming::default(), containment }, theirs)
    }

    /// Whether it lives.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end and tells the cause, or kills it when there is one already.
    pub(super) async fn end(mut self, cause: Option<Death>) -> Option<Death> {
        let status = if cause.is_some() { None } else { self.status_within(END_LIMIT).await };
        if let Some(status) = status {
            return Some(self.why(status));
        }
        let _ = self.child.kill();
        let killed = self.status_within(KILL_LIMIT).await;
        // It went on without its socket, or the kernel holds it.
        cause.or_else(|| killed.map(|_| Death::Protocol))
    }

    async fn greet(&mut self, settings: &Settings) -> std::result::Result<Containment, Unready> {
        let setup = Setup {
            version: VERSION.to_owned(),
            memory_bytes: settings.memory_bytes,
            cpu_time: settings.cpu_time,
            best_effort: settings.best_effort,
        };
        let message = encode(&setup, []).map_err(|_| Unready::Gone)?;
        let (mut frames, mut out) = (Frames::new(Kind::Setup, 0, message), Vec::new());
        while frames.next_into(&mut out) {}
        let mut unsent = &*out;
        while !unsent.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(unsent) {
                Ok(len) => unsent = &unsent[len..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut assembly = Assembly::new(SMALL_BYTES);
        loop {
            while let Some((header, payload)) = self.incoming.next()? {
                if header.kind != Kind::Ready {
                    return Err(Unready::Gone);
                }
                if let Some(message) = assembly.add(&payload, header.last)? {
                    let (ready, _): (Ready, _) = decode(&message, SMALL_BYTES)?;
                    let result = ready.result.map_err(WireError::into_error);
                    return match result {
                        Ok(_) if ready.version != VERSION => Err(Unready::Gone),
                        result => result.map_err(Unready::Refused),
                    };
                }
            }
            self.socket.readable().await?;
            match self.incoming.fill(&self.socket) {
                Ok(0) => return Err(Unready::Gone),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The error for a process that ended, or said something else, before it was ready.
    async fn never_began(mut self) -> Error {
        let status = self.status_within(END_LIMIT).await;
        let error = Error::new(
            ErrorKind::Config,
            "open",
            "the sandbox's process ended before it began; `flue_sandbox_virtual_worker::init()` has to be the first line of \
             this program's `main`, or Contained::program has to name the worker of the same release",
        );
        match status {
            Some(status) => error.with("status", status),
            None => error,
        }
    }

    /// Its status, if it ends within this time.
    async fn status_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => sleep(LOOK_EVERY).await,
                _ => return None,
            }
        }
    }

    /// What a process that ended by itself ended of.
    fn why(&mut self, status: ExitStatus) -> Death {
        let mut said = Vec::new();
        // Does not wait for what others may have inherited.
        let _ = (&mut self.said).take(MAX_SAID_BYTES).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        if said.contains(MEMORY_MARK) || said.contains(NO_MEMORY) {
            return Death::MemoryLimit;
        }
        match status.signal().and_then(Signal::from_named_raw) {
            Some(Signal::XCPU) => Death::CpuLimit,
            Some(Signal::KILL | Signal::TERM | Signal::INT | Signal::HUP | Signal::QUIT) => Death::Killed,
            _ => Death::Crashed,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither does anything to one that was waited for.
        let _ = self.child.kill();
        for _ in 0..DROP_LOOKS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// Why there were no first words.
enum Unready {
    /// There were, and they say no.
    Refused(Error),
    /// It is gone, or not a worker.
    Gone,
}

impl From<io::Error> for Unready {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Violation> for Unready {
    fn from(_: Violation) -> Self {
        Self::Gone
    }
}

/// Starts the program with a socket for standard input, in a group of its own: what a terminal sends is not for it.
fn spawn(settings: &Settings) -> Result<(Child, PipeReader, UnixStream)> {
    let program = settings.program.as_deref();
    if program.is_none() && !INITIALISED.load(Ordering::Relaxed) {
        return Err(Error::new(
            ErrorKind::Config,
            "open",
            "call `flue_sandbox_virtual_worker::init()` as the first line of `main`, or name the worker with Contained::program",
        ));
    }
    let program = program.unwrap_or(Path::new(SELF));
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Io, "open", "the system does not start a process for the sandbox")
            .with("program", program.display())
            .with_source(error)
    };
    if !program.is_absolute() {
        return Err(Error::new(ErrorKind::Config, "open", "Contained::program has to be an absolute path")
            .with("program", program.display()));
    }
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
    let (said, says) = io::pipe().map_err(failed)?;
    ours.set_nonblocking(true).map_err(failed)?;
    rustix::io::ioctl_fionbio(&said, true).map_err(|error| failed(error.into()))?;
    let socket = UnixStream::from_std(ours).map_err(failed)?;
    // No hook runs between fork and exec and the path is absolute, so that the size of this program does not matter.
    let mut command = Command::new(program);
    command
        .arg0(NAME)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| name.starts_with("MALLOC_")))
        .current_dir("/")
        .process_group(0);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(says);
    let child = command.spawn().map_err(failed)?;
    Ok((child, said, socket))
}

/// What arrived and was not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Incoming(BytesMut);

impl Incoming {
    /// Reads what there is. 0 is the end.
    pub(super) fn fill(&mut self, socket: &UnixStream) -> io::Result<usize> {
        self.0.reserve(LEAST_BUFFER_BYTES.max(self.missing()));
        socket.try_read_buf(&mut self.0)
    }

    /// The next whole frame, if there is one.
    pub(super) fn next(&mut self) -> std::result::Result<Option<(Header, Bytes)>, Violation> {
        let Some(header) = self.header()? else { return Ok(None) };
        if self.0.len() < HEADER_BYTES + header.len {
            return Ok(None);
        }
        self.0.advance(HEADER_BYTES);
        let payload = self.0.split_to(header.len).freeze();
        if self.0.is_empty() && self.0.capacity() > IDLE_BUFFER_BYTES {
            self.0 = BytesMut::new();
        }
        Ok(Some((header, payload)))
    }

    fn header(&self) -> std::result::Result<Option<Header>, Violation> {
        self.0.first_chunk().map(|bytes| Header::decode(*bytes)).transpose()
    }

    /// Bytes that the frame at the start still lacks.
    fn missing(&self) -> usize {
        match self.header() {
            Ok(Some(header)) => (HEADER_BYTES + header.len).saturating_sub(self.0.len()),
            _ => 0,
        }
    }
}
