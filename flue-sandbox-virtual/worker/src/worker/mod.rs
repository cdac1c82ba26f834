//! The worker: what this program is when it was started to be a sandbox.
//!
//! It starts with nothing but a socket on standard input and a pipe on standard error. It gives up what it could do
//! ([`limits`], [`filter`]), says so, and serves calls ([`serve`]) until the socket ends. [`watch`] ends it when it takes too
//! much memory.
//!
//! | thread | does |
//! |---|---|
//! | main | reads the socket |
//! | `flue-calls` | runs calls, one after the other but for commands, and writes answers |
//! | `flue-memory` | looks at the memory while calls run |
//! | `flue-shell…` | run commands: those of the virtual sandbox |

mod commands;
mod filter;
mod limits;
mod serve;
mod socket;
mod watch;

use std::ffi::CStr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use flue_core::{Error, ErrorKind, ExecRequest, OpenRequest, Result, SandboxFactory as _};
use flue_sandbox_virtual::Virtual;
use rustix::process::{Signal, getpid, kill_process, set_parent_process_death_signal};

use self::serve::Server;
use self::socket::{Incoming, Reader, Writer};
use self::watch::Watch;
use crate::Containment;
use crate::wire::message::{Ready, SMALL_BYTES, Setup, VERSION, decode, encode};
use crate::wire::{Assembly, Frames, Kind, WireError};

/// What a worker is called: its first argument.
pub(crate) const NAME: &str = "flue-sandbox-virtual-worker";

/// What it is called in lists that have room for 15 bytes.
const PROCESS_NAME: &CStr = c"flue-sandbox";

/// Touches what every command touches, so that the first one of a sandbox finds it in memory.
const FIRST_COMMAND: &str =
    "f() { for i in 1 2; do echo \"$i\" | grep -c \"${x:-1}\"; done; }; f > /tmp/x; cat /tmp/x | sort | sed s/a/b/";

/// Serves until the host is gone.
pub(crate) fn run() -> ! {
    let Some(socket) = socket() else {
        // Started by hand, or by something else.
        std::process::exit(2);
    };
    // What a panic says goes nowhere: it may tell what a script holds, and a full pipe would stop the thread.
    std::panic::set_hook(Box::new(|_| {}));
    // Whatever is wrong, the host sees the socket close.
    let _ = serve(socket);
    end()
}

/// What the host speaks through, if this is what standard input is.
fn socket() -> Option<UnixStream> {
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
    socket.peer_addr().is_ok().then_some(socket)
}

/// Ends the process here and now.
fn end() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    // Not reached: the signal cannot be held off.
    std::process::abort();
}

fn serve(socket: UnixStream) -> std::io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // What lists of processes show; otherwise it would be the name of the link that it was started by.
    let _ = rustix::thread::set_name(PROCESS_NAME);
    limits::close_inherited(&socket)?;
    let writer = Writer::new(socket.try_clone()?);
    let mut reader = Reader::new(socket);
    let Some(setup) = read_setup(&mut reader)? else { return Ok(()) };
    let (result, watch) = match prepare(&setup) {
        Ok((containment, watch)) => (Ok(containment), Some(watch)),
        Err(error) => (Err(WireError::new(&error)), None),
    };
    let message = encode(&Ready { version: VERSION.to_owned(), result }, []).map_err(std::io::Error::other)?;
    writer.send(Frames::new(Kind::Ready, 0, message))?;
    match watch {
        Some(watch) => Server::start(writer, watch)?.run(reader),
        None => Ok(()),
    }
}

/// The first message; nothing when the host went away before it.
fn read_setup(reader: &mut Reader) -> std::io::Result<Option<Setup>> {
    let mut assembly = Assembly::new(SMALL_BYTES);
    while let Some(Incoming { header, payload }) = reader.next()? {
        if header.kind != Kind::Setup {
            break;
        }
        if let Some(message) = assembly.add(payload, header.last).map_err(std::io::Error::other)? {
            return Ok(Some(decode(&message, SMALL_BYTES).map_err(std::io::Error::other)?.0));
        }
    }
    Ok(None)
}

/// Gives up all that a sandbox does not need, and warms up.
///
/// # Errors
/// What the kernel does not let it give up; without that it is not to go on.
fn prepare(setup: &Setup) -> Result<(Containment, Watch)> {
    if setup.version != VERSION {
        return Err(Error::new(
            ErrorKind::Config,
            "open",
            "the worker program is of another version than this one; install both from the same release",
        ));
    }
    // Afterwards no file can be opened. All that is given up is given up by this thread, and so by those that it starts.
    let statm = watch::open()?;
    let mut containment = limits::set(setup)?;
    containment.system_calls_filtered = match filter::install() {
        Ok(()) => true,
        Err(_) if setup.best_effort => false,
        Err(error) => return Err(error),
    };
    let watch = Watch::start(statm, setup.memory_bytes)?;
    warm_up()?;
    Ok((containment, watch))
}

/// Runs a command in a sandbox that nobody uses.
fn warm_up() -> Result<()> {
    let runtime = serve::runtime().map_err(|error| {
        Error::new(ErrorKind::Internal, "open", "the worker's own runtime does not start").with_source(error)
    })?;
    runtime.block_on(async {
        let sandbox = Virtual::new().open(OpenRequest::new("warm-up")).await?;
        sandbox.exec(ExecRequest::new(FIRST_COMMAND)).await?;
        sandbox.close().await
    })
}
