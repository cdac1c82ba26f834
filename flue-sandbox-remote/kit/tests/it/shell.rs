//! Machines that are directories of this one: real shells, behind transports of several kinds.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, OutputSink, OutputStream, Result, SandboxPath};
use flue_sandbox_remote_kit::{
    Call, Death, Driver, Ended, Facts, Labels, Liveness, Machine, Offers, Provider, Refused, Spec, Transfer,
    WORKSPACE_LABEL,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// A directory that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Temp(pub(crate) PathBuf);

impl Temp {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("flue-kit-{}-{next}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How a transport is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Streams both ways, byte for byte.
    Exact,
    /// As that one, and takes more input while a script runs.
    Fed,
    /// Takes no input, carries UTF-8 in one stream, answers at the end and in small pieces.
    Text,
}

/// What goes wrong on purpose.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// How many calls are refused before they run.
    pub(crate) refuse: AtomicU32,
    /// Calls are taken and never end.
    pub(crate) hang: AtomicBool,
    /// Calls are said to have ended well, and never ran.
    pub(crate) swallow: AtomicBool,
    /// Calls break off after they were sent.
    pub(crate) cut: AtomicBool,
    /// The machine says that it stopped.
    pub(crate) dead: AtomicBool,
    /// The machine says nothing.
    pub(crate) silent: AtomicBool,
    /// How many calls were sent.
    pub(crate) sent: AtomicU32,
    /// The process of the last call that is fed while it runs: its shell stays.
    pub(crate) process: AtomicU32,
}

#[derive(Debug)]
struct Shell {
    facts: Facts,
    kind: Kind,
    faults: Arc<Faults>,
}

#[async_trait]
impl Driver for Shell {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, mut call: Call) -> Result<Ended, Refused> {
        self.faults.sent.fetch_add(1, Ordering::SeqCst);
        let refuse = |left: u32| left.checked_sub(1);
        if self.faults.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuse).is_ok() {
            let error = Error::new(ErrorKind::Unavailable, "exec", "refused on purpose");
            return Err(Refused::unsent(error.with_retry(flue_core::Retry::Backoff)));
        }
        if self.faults.hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.faults.swallow.load(Ordering::SeqCst) {
            return Ok(Ended::Exited(0));
        }
        if self.faults.cut.load(Ordering::SeqCst) {
            let error = Error::new(ErrorKind::Unavailable, "exec", "cut on purpose");
            return Err(error.with_retry(flue_core::Retry::Backoff).into());
        }
        let [program, flag, script] = call.argv();
        let mut command = Command::new(program);
        command.args([flag, script]).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).kill_on_drop(true);
        // Temporary files go with the directory of all machines.
        let temporary = self.facts.root.parent().unwrap();
        command.env("TMPDIR", temporary.as_str());
        command.stdin(if call.has_input() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if call.stdin.is_none() && call.has_input() {
            self.faults.process.store(child.id().unwrap(), Ordering::SeqCst);
        }
        assert!(self.kind != Kind::Text || !call.has_input(), "this transport takes no input");
        let (stdin, output) = (child.stdin.take(), Arc::clone(&call.output));
        let feed = async {
            if let Some(mut pipe) = stdin {
                while let Some(data) = call.next_input().await {
                    let _ = pipe.write_all(&data).await;
                }
            }
        };
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        match self.kind {
            Kind::Exact | Kind::Fed => {
                let out = pump(stdout, OutputStream::Stdout, &*output);
                let err = pump(stderr, OutputStream::Stderr, &*output);
                let fed = async {
                    feed.await;
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    _ = async { tokio::join!(out, err) } => {}
                    () = fed => {}
                }
            }
            Kind::Text => {
                let (out, err) = (Collect::default(), Collect::default());
                tokio::join!(pump(stdout, OutputStream::Stdout, &out), pump(stderr, OutputStream::Stderr, &err));
                let bytes = [out.0.into_inner().unwrap(), err.0.into_inner().unwrap()].concat();
                assert!(bytes.len() <= 2 << 20, "an answer of {} bytes", bytes.len());
                output.output(OutputStream::Stdout, String::from_utf8_lossy(&bytes).as_bytes());
            }
        }
        Ok(child.wait().await.unwrap().code().map_or(Ended::Signalled, Ended::Exited))
    }

    async fn probe(&self) -> Result<Liveness> {
        if self.faults.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let dead = self.faults.dead.load(Ordering::SeqCst);
        Ok(if dead { Liveness::Dead(Death::Stopped) } else { Liveness::Alive })
    }

    fn files(&self) -> Option<&dyn Transfer> {
        None
    }

    async fn disconnect(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Collect(std::sync::Mutex<Vec<u8>>);

impl OutputSink for Collect {
    fn output(&self, _: OutputStream, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, stream: OutputStream, to: &dyn OutputSink) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        to.output(stream, &buffer[..read]);
    }
}

/// Where such machines come from.
#[derive(Debug, Clone)]
pub(crate) struct Shells {
    pub(crate) dir: Arc<Temp>,
    pub(crate) kind: Kind,
    pub(crate) faults: Arc<Faults>,
}

impl Shells {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { dir: Arc::new(Temp::new()), kind, faults: Arc::default() }
    }
}

#[async_trait]
impl Provider for Shells {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.delete = true;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Machine> {
        let dir = self.dir.0.join(&spec.key);
        std::fs::create_dir_all(&dir).unwrap();
        Ok(Machine::new(dir.to_str().unwrap(), spec.labels.clone()))
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        let mut facts = Facts::new("shell", SandboxPath::new(id)?);
        facts.feeds = self.kind == Kind::Fed;
        if self.kind == Kind::Text {
            facts.stdin = false;
            facts.exact = false;
            facts.live = false;
            facts.reply_bytes = Some(1 << 20);
        }
        Ok(Arc::new(Shell { facts, kind: self.kind, faults: Arc::clone(&self.faults) }))
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Machine>> {
        let dir = self.dir.0.join(&labels[WORKSPACE_LABEL]);
        let machine = || Machine::new(dir.to_str().unwrap(), labels.clone());
        Ok(dir.is_dir().then(machine).into_iter().collect())
    }

    async fn touch(&self, _: &str, _: Duration) -> Result<()> {
        Err(Error::unsupported("touch", "directories live for ever"))
    }

    async fn stop(&self, _: &str) -> Result<()> {
        Err(Error::unsupported("stop", "directories do not run"))
    }

    async fn delete(&self, id: &str) -> Result<()> {
        std::fs::remove_dir_all(id).unwrap();
        Ok(())
    }
}
