//! What the kernel holds the worker to, without any privilege.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_virtual::VirtualLimits;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

use crate::Containment;
use crate::wire::message::Setup;

/// Descriptors that the worker may have open: the socket twice, standard error, `/proc/self/statm`, and what each thread of
/// the shell may use.
const DESCRIPTORS: u64 = 16 + 4 * MAX_THREADS;
/// Threads that run commands, and for each one that parses.
const MAX_THREADS: u64 = 2 * VirtualLimits::CONCURRENT_EXECS as u64;

/// Closes what the host left open across `exec`. Rust's own descriptors are not; those of libraries may be, and no filter
/// would keep a script that broke out from using them.
pub(super) fn close_inherited(socket: &impl AsRawFd) -> io::Result<()> {
    let mut inherited = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        if let Some(fd) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) {
            inherited.push(fd);
        }
    }
    let keep = |fd: &i32| *fd <= rustix::stdio::raw_stderr() || *fd == socket.as_raw_fd();
    for fd in inherited.into_iter().filter(|fd| !keep(fd)) {
        // The one that listed them is closed already. Nothing in this program owns another one yet.
        let _ = nix::unistd::close(fd);
    }
    Ok(())
}

/// Sets all limits that last.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for one that the system does not take.
pub(super) fn set(setup: &Setup) -> Result<Containment> {
    set_no_new_privs(true).map_err(|error| refused("no new privileges", error))?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nofile, DESCRIPTORS, DESCRIPTORS)?;
    // In whole seconds, rounded up.
    let seconds = |time: Duration| time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1);
    let seconds = setup.cpu_time.map(seconds);
    if let Some(seconds) = seconds {
        // The signal at the first one can be told from others; the second one is certain.
        limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    }
    let most = data_bytes(setup.memory_bytes, MAX_THREADS / 2);
    limit(Resource::Data, data_bytes(setup.memory_bytes, 1), most)?;
    // From here on nothing can be raised beyond what was set, by root neither.
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, none).map_err(|error| refused("no capabilities", error))?;
    // Stacks of 256 MiB in huge pages would be resident as soon as they are touched. Where this is not offered they are rare.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let cpu_time = seconds.map(Duration::from_secs);
    Ok(Containment { memory_bytes: setup.memory_bytes, cpu_time, system_calls_filtered: false })
}

/// Lets the process have stacks for this many commands at a time. What it may have beside them stays the same.
pub(super) fn allow_stacks(memory_bytes: u64, commands: u64) {
    let most = data_bytes(memory_bytes, MAX_THREADS / 2);
    let now = data_bytes(memory_bytes, commands).min(most);
    // Cannot fail: it is below the hard limit. If it did, a thread would not start, and the command would wait.
    let _ = setrlimit(Resource::Data, Rlimit { current: Some(now), maximum: Some(most) });
}

/// Writable memory of the whole process, address space that is reserved for stacks included: this is how the kernel counts.
///
/// One more than are needed, because a thread that is being replaced lasts a little longer.
fn data_bytes(memory_bytes: u64, commands: u64) -> u64 {
    let stacks = commands.saturating_add(1).saturating_mul(2 * VirtualLimits::STACK_BYTES as u64);
    memory_bytes.saturating_add(stacks)
}

fn limit(resource: Resource, current: u64, maximum: u64) -> Result<()> {
    let set = setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) });
    set.map_err(|error| refused("resource limits", error).with("limit", format_args!("{resource:?}")))
}

fn refused(what: &'static str, error: rustix::io::Errno) -> Error {
    Error::new(ErrorKind::Unsupported, "open", "this system does not let the worker be contained")
        .with("name", what)
        .with_source(io::Error::from(error))
}
