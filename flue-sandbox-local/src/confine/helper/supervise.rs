//! The life of a command as the helper sees it: start, reap, and an end to everything.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use rustix::process::Signal as OsSignal;

use super::{At as _, Fault, Order, Report};
use crate::confine::plan::{self, TERMINATE};
use crate::shell::signal_below;

/// The most processes that are signalled in one go; more than the limits of a command let there be.
const MAX_SEEN: usize = 1 << 16;

/// Whom a command consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All processes there are but this one, which is the first of their namespace. They end with it.
    Namespace,
    /// Whatever descends from this process, to which orphans come.
    Descendants,
}

/// Runs a command to its end, as the first process of its namespace; `None` when the program has lost interest.
pub(super) fn run(order: &Order, control: &OwnedFd) -> Result<Option<Report>, Fault> {
    hear_signals()?;
    if is_over(control)? {
        return Ok(None);
    }
    match command(order).spawn() {
        Ok(child) => watch(Pid::from_raw(child.id().cast_signed()), control, Scope::Namespace),
        Err(error) => Ok(Some(not_started(&error))),
    }
}

/// Becomes the command; gives why not.
pub(super) fn become_it(order: &Order) -> Result<Option<Report>, Fault> {
    hear_signals()?;
    Ok(Some(not_started(&command(order).exec())))
}

/// Waits for the end of a child that becomes the command, and then ends whatever it has left.
pub(super) fn outlive(child: Pid, control: &OwnedFd) -> Result<Option<Report>, Fault> {
    let report = watch(child, control, Scope::Descendants);
    end_descendants();
    report
}

/// Nothing that the program holds back is held back from the command.
fn hear_signals() -> Result<(), Fault> {
    SigSet::empty().thread_set_mask().at(None, "hear signals")
}

fn command(order: &Order) -> Command {
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).current_dir(&order.cwd);
    // At a terminal the command makes a session of its own, which the leader of a group cannot.
    if order.terminal.is_none() {
        command.process_group(0);
    }
    command.env_clear().envs(order.env.iter().map(|(key, value)| (key, value)));
    command
}

fn not_started(error: &std::io::Error) -> Report {
    Report::NotStarted(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}

/// Whether the program has lost interest before the command began.
fn is_over(control: &OwnedFd) -> Result<bool, Fault> {
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(control, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&at_once))).at(None, "listen to the program")?;
    // A program that asks for an end at once gets one.
    Ok(ready > 0)
}

fn watch(leader: Pid, control: &OwnedFd, scope: Scope) -> Result<Option<Report>, Fault> {
    // Blocked only now: what is started inherits what is blocked.
    let children = SigSet::from(Signal::SIGCHLD);
    children.thread_block().at(None, "hold signals back")?;
    let ended = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let ended = ended.at(None, "hear of ends")?;
    loop {
        if let Some(report) = reap(leader) {
            return Ok(Some(report));
        }
        let mut fds = [PollFd::new(&ended, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno).at(None, "wait for the command"),
        }
        let spoken = !fds[1].revents().is_empty();
        // Several ends may be one signal; all are looked at above.
        while let Ok(Some(_)) = ended.read_signal() {}
        if spoken {
            match plan::receive(control.as_fd(), RecvFlags::DONTWAIT) {
                Ok((message, _)) if message == TERMINATE => terminate(scope),
                Err(rustix::io::Errno::AGAIN) => {}
                _ => return Ok(None),
            }
        }
    }
}

/// Takes everything that has ended off the table; gives how the shell ended, if it has.
fn reap(leader: Pid) -> Option<Report> {
    let mut report = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == leader => report = Some(Report::Exited(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == leader => {
                report = Some(Report::Signalled(signal as i32));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return report,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Asks every process to end. One that is stopped has to go on to hear it.
fn terminate(scope: Scope) {
    match scope {
        Scope::Namespace => [Signal::SIGTERM, Signal::SIGCONT].into_iter().for_each(|signal| {
            let _ = kill(Pid::from_raw(-1), signal);
        }),
        Scope::Descendants => signal_below(own_id(), &[OsSignal::TERM, OsSignal::CONT], MAX_SEEN),
    }
}

/// Kills until there is nobody left. Children of what is killed come to this process, so that each round finds them.
fn end_descendants() {
    loop {
        // Stopped first, or they would start others meanwhile.
        signal_below(own_id(), &[OsSignal::STOP, OsSignal::KILL], MAX_SEEN);
        if waitpid(None, None) == Err(Errno::ECHILD) {
            return;
        }
    }
}

fn own_id() -> rustix::process::Pid {
    rustix::process::getpid()
}
