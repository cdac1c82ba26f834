//! A command's processes, and their end.
//!
//! The shell leads a process group, and a signal to the group reaches most of what a command starts. Children that made a
//! session of their own are found by [`scan`]: by the mark in their environment, and by descent from what is known already.
//! What cleared its environment *and* lost its parent before it was ever looked at is not found: without limits of the
//! kernel, nothing holds it.
//!
//! A confined command is held by the kernel: what its helper is told holds for every process, however it hides.
//!
//! Invariant: no signal goes to a process that is not the command's. The shell is reaped last, so its number stays its
//! own, and every other process is held by a descriptor before it is looked at.

#[cfg(target_os = "linux")]
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::runtime::Handle;

use super::scan::{self, Mark, Process};
#[cfg(target_os = "linux")]
use crate::confine::{Leash, Report};

/// How often the processes are looked for again while some of them are being killed.
const MAX_ROUNDS: usize = 20;
/// What lies between two rounds.
const ROUND_PAUSE: Duration = Duration::from_millis(2);
/// How long a killed shell may take to be gone: longer only when the kernel holds it.
const REAP_LIMIT: Duration = Duration::from_secs(5);
/// The most processes of a confined command that are killed besides telling its helper: whoever drops it waits for that.
#[cfg(target_os = "linux")]
const MAX_SEEN: usize = 256;
/// How long a helper may take to end a confined command, before it is itself killed.
#[cfg(target_os = "linux")]
const CUT_LIMIT: Duration = Duration::from_secs(1);

/// What a command's processes are held by.
#[derive(Debug)]
pub(super) enum Hold {
    /// They are looked for.
    Mark(Mark),
    /// The kernel, on behalf of a helper.
    #[cfg(target_os = "linux")]
    Leash(Leash),
}

/// How a command came to its end.
#[derive(Debug)]
pub(super) enum End {
    /// The shell ended.
    Status(ExitStatus),
    /// It could not be started.
    #[cfg(target_os = "linux")]
    NotStarted(std::io::Error),
    /// It could not be confined, and did not run.
    #[cfg(target_os = "linux")]
    Unconfined(String),
}

/// The processes of one running command. Dropping kills them.
#[derive(Debug)]
pub(super) struct Tree {
    shared: Arc<Shared>,
    armed: bool,
}

#[derive(Debug)]
struct Shared {
    leader: Pid,
    hold: Hold,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: Child,
    status: Option<ExitStatus>,
    /// What was found beyond the group, so that its own children are found after it has gone.
    known: Vec<Process>,
}

impl Tree {
    pub(super) fn new(child: Child, leader: Pid, hold: Hold) -> Self {
        let state = Mutex::new(State { child, status: None, known: Vec::new() });
        Self { shared: Arc::new(Shared { leader, hold, state }), armed: true }
    }

    /// Asks all of the processes to end.
    pub(super) async fn terminate(&self) {
        let shared = Arc::clone(&self.shared);
        // Fails only when the runtime ends, and then dropping kills.
        let _ = tokio::task::spawn_blocking(move || shared.terminate()).await;
    }

    /// Kills all of the processes.
    pub(super) async fn kill(&self) {
        let shared = Arc::clone(&self.shared);
        let _ = tokio::task::spawn_blocking(move || shared.kill(&mut shared.state())).await;
    }

    /// Reaps the shell, which has ended, and leaves alone what it left behind.
    pub(super) fn finish(mut self) -> std::io::Result<Option<End>> {
        let status = self.shared.state().try_reap()?;
        self.armed = status.is_none();
        Ok(status.map(|status| self.shared.end(status)))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        // At once, and so that nothing moves away before it is found. Whoever holds the lock is at it already.
        if let Ok(state) = self.shared.state.try_lock()
            && state.status.is_none()
        {
            self.shared.hold_still();
        }
        let rest = Rest(Arc::clone(&self.shared));
        // When the runtime does not take it, it is dropped here and now.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(rest))),
            Err(_) => drop(rest),
        }
    }
}

/// What is left to do when nobody waits for a command any more: dropping does it.
struct Rest(Arc<Shared>);

impl Drop for Rest {
    fn drop(&mut self) {
        let mut state = self.0.state();
        self.0.kill(&mut state);
        let end = Instant::now() + REAP_LIMIT;
        while matches!(state.try_reap(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(ROUND_PAUSE);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn terminate(&self) {
        let mut state = self.state();
        if state.status.is_some() {
            return;
        }
        let mark = match &self.hold {
            Hold::Mark(mark) => mark,
            #[cfg(target_os = "linux")]
            Hold::Leash(leash) => return leash.terminate(),
        };
        state.known = scan::find(self.leader, mark, &state.known);
        self.signal_group(Signal::TERM);
        let beyond = state.known.iter().filter(|process| process.group != self.leader);
        beyond.clone().for_each(|process| process.signal(Signal::TERM));
        // What is stopped would only take the signal once it goes on.
        self.signal_group(Signal::CONT);
        beyond.for_each(|process| process.signal(Signal::CONT));
    }

    fn kill(&self, state: &mut State) {
        if state.status.is_some() {
            return;
        }
        let mark = match &self.hold {
            Hold::Mark(mark) => mark,
            #[cfg(target_os = "linux")]
            Hold::Leash(leash) => return self.cut(leash),
        };
        for _ in 0..MAX_ROUNDS {
            // Looked for before they are killed: who has lost its parent may not be told any more. Until then they stop, or
            // they would start others meanwhile.
            self.signal_group(Signal::STOP);
            let found = scan::find(self.leader, mark, &state.known);
            self.signal_group(Signal::KILL);
            found.iter().for_each(|process| process.signal(Signal::KILL));
            if found.is_empty() {
                return;
            }
            state.known = found;
            std::thread::sleep(ROUND_PAUSE);
        }
    }

    /// Keeps the processes from moving away before they are looked for.
    fn hold_still(&self) {
        match &self.hold {
            Hold::Mark(_) => self.signal_group(Signal::STOP),
            // They cannot move away, so this is their end.
            #[cfg(target_os = "linux")]
            Hold::Leash(leash) => self.cut_now(leash),
        }
    }

    /// Has the helper end all processes, and waits for it.
    #[cfg(target_os = "linux")]
    fn cut(&self, leash: &Leash) {
        self.cut_now(leash);
        let end = Instant::now() + CUT_LIMIT;
        while !self.has_ended() {
            if Instant::now() > end {
                // Not at home any more; the kernel ends the rest with it.
                return self.signal_group(Signal::KILL);
            }
            std::thread::sleep(ROUND_PAUSE);
        }
    }

    /// Has the helper end all processes. On a busy machine it takes its time to hear that, so those that are seen end at once.
    #[cfg(target_os = "linux")]
    fn cut_now(&self, leash: &Leash) {
        leash.cut();
        scan::signal_below(self.leader, &[Signal::KILL], MAX_SEEN);
    }

    #[cfg(target_os = "linux")]
    fn has_ended(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.leader), options), Ok(None))
    }

    /// How the command ended, given how the process that was started did.
    fn end(&self, status: ExitStatus) -> End {
        match &self.hold {
            Hold::Mark(_) => End::Status(status),
            #[cfg(target_os = "linux")]
            Hold::Leash(leash) => match leash.report() {
                Some(Report::Exited(code)) => End::Status(ExitStatus::from_raw(code << 8)),
                Some(Report::Signalled(signal)) => End::Status(ExitStatus::from_raw(signal)),
                Some(Report::NotStarted(errno)) => End::NotStarted(std::io::Error::from_raw_os_error(errno)),
                Some(Report::Failed(fault)) => End::Unconfined(fault.what),
                // It was killed before it could say anything, and all with it.
                Some(Report::Tried(_)) | None => End::Status(ExitStatus::from_raw(Signal::KILL.as_raw())),
            },
        }
    }

    /// Only while the shell is not reaped.
    fn signal_group(&self, signal: Signal) {
        // There is no group yet while `setsid` has not run, and none any more when all have gone.
        if rustix::process::kill_process_group(self.leader, signal).is_err() {
            let _ = rustix::process::kill_process(self.leader, signal);
        }
    }
}

impl State {
    fn try_reap(&mut self) -> std::io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }
}
