//! Calls: what the host asks of the sandbox.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use bytes::Bytes;
use flue_core::reach::ReachLog;
use flue_core::{
    CreateDir, Error, ErrorKind, ExecRequest, OpenRequest, OutputSink, OutputStream, Remove, Result, Sandbox,
};
use flue_sandbox_virtual::{Snapshot, Virtual, VirtualLimits, VirtualSandbox};
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use super::limits;
use super::socket::{Incoming, Reader, Writer};
use super::watch::Watch;
use crate::wire::frame::MAX_PAYLOAD_BYTES;
use crate::wire::message::{Call, Exec, LARGEST_BYTES, Open, Reply, Value, WireAnswer, decode, encode, wire_glob};
use crate::wire::mirror::{WireOutput, write_entries};
use crate::wire::reach::WireReach;
use crate::wire::{Assembly, Frames, Kind, Violation, WireError};

/// Takes calls and has them run.
pub(super) struct Server {
    shared: Arc<Shared>,
    runtime: Handle,
}

struct Shared {
    writer: Arc<Writer>,
    watch: Watch,
    commands: OnceLock<Arc<Commands>>,
    sandbox: OnceLock<(Arc<VirtualSandbox>, VirtualLimits)>,
    /// What stops each call that runs.
    stops: Mutex<HashMap<u32, CancellationToken>>,
    /// Commands that run, and the most that ever did.
    running: AtomicU64,
    most_running: AtomicU64,
}

/// A runtime for one thread.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()
}

impl Server {
    /// Starts the thread that runs calls.
    pub(super) fn start(writer: Writer, watch: Watch) -> io::Result<Self> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name("flue-calls".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
        let shared = Shared {
            writer: Arc::new(writer),
            watch,
            commands: OnceLock::new(),
            sandbox: OnceLock::new(),
            stops: Mutex::default(),
            running: AtomicU64::new(0),
            most_running: AtomicU64::new(0),
        };
        Ok(Self { shared: Arc::new(shared), runtime: handle })
    }

    /// Reads until the host is gone.
    pub(super) fn run(self, mut reader: Reader) -> io::Result<()> {
        let mut arriving: HashMap<(u8, u32), Assembly> = HashMap::new();
        while let Some(Incoming { header, payload }) = reader.next()? {
            if header.kind == Kind::Cancel {
                if let Some(stop) = self.shared.stops().get(&header.id) {
                    stop.cancel();
                }
                continue;
            }
            let key = (header.kind as u8, header.id);
            let assembly = arriving.entry(key).or_insert_with(|| Assembly::new(LARGEST_BYTES));
            let Some(message) = assembly.add(payload, header.last).map_err(io::Error::other)? else { continue };
            arriving.remove(&key);
            self.take(header.kind, header.id, &message).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn take(&self, kind: Kind, id: u32, message: &Bytes) -> std::result::Result<(), Violation> {
        match kind {
            Kind::Call => {
                let (call, body) = decode(message, LARGEST_BYTES)?;
                self.begin(id, call, body);
                Ok(())
            }
            Kind::Answer => {
                let (answer, body): (WireAnswer, _) = decode(message, LARGEST_BYTES)?;
                let commands = self.shared.commands.get().ok_or(Violation("an answer to nothing"))?;
                commands.answer(id, &answer, body)
            }
            _ => Err(Violation("a message that is not for a worker")),
        }
    }

    fn begin(&self, id: u32, call: Call, body: Bytes) {
        let (shared, stop) = (Arc::clone(&self.shared), CancellationToken::new());
        shared.stops().insert(id, stop.clone());
        if call.is_exec() {
            shared.add_running();
        }
        self.runtime.spawn(async move {
            let _watched = shared.watch.call();
            let sent = shared.answer(id, call, body, stop).await;
            if sent.is_err() {
                // There is nobody left to work for.
                super::end();
            }
        });
    }
}

impl Shared {
    /// Runs a call and sends its answer.
    async fn answer(self: &Arc<Self>, id: u32, call: Call, body: Bytes, stop: CancellationToken) -> io::Result<()> {
        let limit = match (&call, self.sandbox.get()) {
            (Call::Open(open), _) => call.reply_limit(&open.limits),
            (_, Some((_, limits))) => call.reply_limit(limits),
            (_, None) => call.reply_limit(&VirtualLimits::default()),
        };
        let is_exec = call.is_exec();
        let result = if is_exec {
            let done = self.perform(id, call, body, stop).await;
            self.running.fetch_sub(1, Ordering::Relaxed);
            done
        } else {
            tokio::select! {
                biased;
                done = self.perform(id, call, body, stop.clone()) => done,
                () = stop.cancelled() => Err(Error::cancelled("call")),
            }
        };
        self.stops().remove(&id);
        let sent = result.and_then(|(value, body)| {
            let message = encode(&Reply::Ok(value), body).map_err(|error| unsendable(&error))?;
            let bytes = message.iter().map(Bytes::len).sum::<usize>();
            if bytes > limit {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    "call",
                    "the answer is too long; ask for less at a time",
                )
                .with("bytes", bytes)
                .with("limit", limit));
            }
            Ok(message)
        });
        let message = match sent {
            Ok(message) => message,
            Err(error) => encode(&Reply::Err(WireError::new(&error)), []).map_err(io::Error::other)?,
        };
        self.writer.send(Frames::new(Kind::Reply, id, message))
    }

    async fn perform(
        self: &Arc<Self>,
        id: u32,
        call: Call,
        body: Bytes,
        stop: CancellationToken,
    ) -> Result<(Value, Vec<Bytes>)> {
        if let Call::Open(open) = call {
            return self.open(open, &body).await.map(|()| done());
        }
        let Some((sandbox, _)) = self.sandbox.get() else {
            return Err(Error::new(ErrorKind::Internal, "call", "the sandbox was not opened"));
        };
        match call {
            Call::Snapshot => {
                let files = postcard::to_allocvec(&sandbox.snapshot()?).map_err(|error| unsendable(&error))?;
                Ok((Value::Data, vec![files.into()]))
            }
            Call::Restore => sandbox.restore(&snapshot(&body)?).map(|()| done()),
            Call::Within(bounds, call) => {
                let narrowed = sandbox.narrow(&(*bounds).into()).await?;
                self.perform_in(&*narrowed, id, *call, body, stop).await
            }
            call => self.perform_in(&**sandbox, id, call, body, stop).await,
        }
    }

    /// What any sandbox does, the whole one or a narrowed one.
    async fn perform_in(
        self: &Arc<Self>,
        sandbox: &dyn Sandbox,
        id: u32,
        call: Call,
        body: Bytes,
        stop: CancellationToken,
    ) -> Result<(Value, Vec<Bytes>)> {
        let fs = sandbox.fs();
        Ok(match call {
            Call::Read(path) => (Value::Data, vec![fs.read(&path).await?]),
            Call::Write(path) => fs.write(&path, body).await.map(|()| done())?,
            Call::Metadata(path) => (Value::Metadata(fs.metadata(&path).await?.into()), Vec::new()),
            Call::List(path) => {
                let entries = fs.list(&path).await?;
                let count = entries.len() as u64;
                (Value::Entries(count), vec![write_entries(entries).map_err(|error| unsendable(&error))?])
            }
            Call::CreateDir { path, recursive } => {
                let options = if recursive { CreateDir::recursive() } else { CreateDir::default() };
                fs.create_dir(&path, options).await.map(|()| done())?
            }
            Call::Remove { path, recursive, force } => {
                let options = if recursive { Remove::recursive() } else { Remove::default() };
                let options = if force { options.forced() } else { options };
                fs.remove(&path, options).await.map(|()| done())?
            }
            Call::Exec(exec) => {
                let log = exec.reach.then(Arc::<ReachLog>::default);
                let mut request = self.request(id, exec, body, stop);
                request.reach.clone_from(&log);
                let output = sandbox.exec(request).await?;
                let (output, body) = WireOutput::new(output)?;
                (Value::Exec(output, log.map(|log| WireReach::new(&log.take()))), body.into())
            }
            Call::Grep(query) => (Value::Grep(sandbox.grep(query.query()).await?.into()), Vec::new()),
            Call::Glob(query) => (wire_glob(sandbox.glob(query.query()).await?), Vec::new()),
            Call::Open(_) | Call::Snapshot | Call::Restore | Call::Within(..) => {
                let why = "this cannot be asked of a sandbox that is narrowed";
                return Err(Error::new(ErrorKind::Internal, "call", why));
            }
        })
    }

    async fn open(self: &Arc<Self>, open: Open, files: &[u8]) -> Result<()> {
        let Open { cwd, user, hostname, env, commands, limits } = open;
        let described = Virtual::new().cwd(cwd.as_str()).user(user).hostname(hostname).limits(limits);
        let described = env.into_iter().fold(described, |described, (name, value)| described.env(name, value));
        let application = self.commands.get_or_init(|| Arc::new(Commands::new(Arc::clone(&self.writer), &limits)));
        let described = commands.into_iter().fold(described, |described, name| {
            let (application, called) = (Arc::clone(application), name.clone());
            described.command(name, move |call| Arc::clone(&application).call(called.clone(), call))
        });
        let sandbox = described.create(OpenRequest::new("worker")).await?;
        sandbox.restore(&snapshot(files)?)?;
        let opened = self.sandbox.set((sandbox, limits));
        opened.map_err(|_| Error::new(ErrorKind::Internal, "open", "the sandbox was opened already"))
    }

    fn request(self: &Arc<Self>, id: u32, exec: Exec, stdin: Bytes, stop: CancellationToken) -> ExecRequest {
        let mut request = ExecRequest::new(exec.command).with_cancel(stop);
        request.cwd = exec.cwd;
        request.env = exec.env;
        request.stdin = exec.has_stdin.then_some(stdin);
        request.timeout = exec.timeout;
        if exec.live {
            request = request.with_sink(Arc::new(Live { id, writer: Arc::clone(&self.writer) }));
        }
        request
    }

    /// Accounts for one more command before its threads start.
    fn add_running(&self) {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        if self.most_running.fetch_max(running, Ordering::Relaxed) < running {
            limits::allow_stacks(self.watch.memory_bytes(), running);
        }
    }

    fn stops(&self) -> MutexGuard<'_, HashMap<u32, CancellationToken>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done() -> (Value, Vec<Bytes>) {
    (Value::Done, Vec::new())
}

fn snapshot(files: &[u8]) -> Result<Snapshot> {
    postcard::from_bytes(files).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "restore", "the files are not a snapshot of this version")
            .with_source(error)
    })
}

fn unsendable(error: &postcard::Error) -> Error {
    Error::new(ErrorKind::Internal, "call", "the answer cannot be sent").with_source(error.to_string())
}

/// Sends output as it comes. A host that does not read holds the command.
struct Live {
    id: u32,
    writer: Arc<Writer>,
}

impl OutputSink for Live {
    fn output(&self, stream: OutputStream, bytes: &[u8]) {
        let stream: &'static [u8] = match stream {
            OutputStream::Stdout => &[1],
            OutputStream::Stderr => &[2],
        };
        for piece in bytes.chunks(MAX_PAYLOAD_BYTES - stream.len()) {
            let parts = vec![Bytes::from_static(stream), Bytes::copy_from_slice(piece)];
            // When the socket is gone, the main thread sees it and ends the process.
            let _ = self.writer.send(Frames::new(Kind::Live, self.id, parts));
        }
    }
}
