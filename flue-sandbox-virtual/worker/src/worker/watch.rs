//! Memory: ends the process when more of it is resident than it may have.
//!
//! The kernel's own limit (`RLIMIT_DATA`) counts address space, with the large stacks that commands run on. It holds in any
//! case; this holds to what really takes memory, stacks included, and knows the reason.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};

use crate::death::MEMORY_MARK;

/// The shortest and the longest time between two looks while calls run.
const SHORTEST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(50);
/// More than a process touches in a second, in bytes: the next look is before it can have used up what is left.
const FASTEST: u64 = 16 << 30;
/// Stack of the thread that looks.
const STACK_BYTES: usize = 64 << 10;
/// Bytes of `/proc/self/statm`: seven numbers.
const STATM_BYTES: usize = 256;

/// Looks at the memory while calls run.
pub(super) struct Watch(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    statm: File,
    page_bytes: u64,
    memory_bytes: u64,
}

#[derive(Default)]
struct State {
    /// Calls that run.
    calls: usize,
    /// Whether the thread waits to be told that there are some.
    idle: bool,
}

/// A call that runs.
pub(super) struct Watched(Arc<Shared>);

/// Opens what tells the memory of this process.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where the kernel does not.
pub(super) fn open() -> Result<File> {
    File::open("/proc/self/statm").map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "open", "the worker cannot see how much memory it takes").with_source(error)
}

impl Watch {
    /// Starts the thread, which sleeps for now.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when there is none to be had.
    pub(super) fn start(statm: File, memory_bytes: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            statm,
            page_bytes: rustix::param::page_size() as u64,
            memory_bytes,
        });
        let watching = Arc::clone(&shared);
        let thread = thread::Builder::new().name("flue-memory".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(move || watching.run()).map_err(failed)?;
        Ok(Self(shared))
    }

    /// What the process may have.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.0.memory_bytes
    }

    /// Looks for as long as the result lives.
    pub(super) fn call(&self) -> Watched {
        let mut state = self.0.lock();
        state.calls += 1;
        if std::mem::take(&mut state.idle) {
            self.0.changed.notify_one();
        }
        Watched(Arc::clone(&self.0))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.lock().calls -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            while state.calls == 0 {
                state.idle = true;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            let left = self.private_bytes().and_then(|bytes| self.memory_bytes.checked_sub(bytes));
            let Some(left) = left else {
                let _ = rustix::io::write(rustix::stdio::stderr(), MEMORY_MARK.as_bytes());
                super::end();
            };
            thread::sleep(pause(left));
        }
    }

    /// Memory of the process that it shares with no file. Nothing when it cannot be told, which is no reason to go on.
    fn private_bytes(&self) -> Option<u64> {
        let mut text = [0; STATM_BYTES];
        let len = self.statm.read_at(&mut text, 0).ok()?;
        let mut fields = std::str::from_utf8(&text[..len]).ok()?.split_whitespace().skip(1);
        let mut next = || fields.next()?.parse::<u64>().ok();
        let (resident, shared) = (next()?, next()?);
        Some(resident.saturating_sub(shared).saturating_mul(self.page_bytes))
    }
}

/// How long to wait with this many bytes left.
fn pause(left: u64) -> Duration {
    Duration::from_micros(left / (FASTEST / 1_000_000)).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_is_left_the_sooner_it_looks() {
        let pauses = [0, 1 << 20, 64 << 20, 256 << 20, 1 << 30, u64::MAX].map(|left| pause(left).as_millis());
        assert_eq!(pauses, [2, 2, 3, 15, 50, 50]);
    }

    #[test]
    fn its_own_memory_is_seen() {
        let watch = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            statm: open().unwrap(),
            page_bytes: rustix::param::page_size() as u64,
            memory_bytes: 0,
        };
        let before = watch.private_bytes().unwrap();
        let held = vec![1_u8; 64 << 20];
        let after = watch.private_bytes().unwrap();
        assert!(before > 0 && after >= before + (60 << 20), "{before} {after}");
        drop(held);
    }
}
