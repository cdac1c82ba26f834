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

use super::{At as _, Fault, Order, Report};
use crate::confine::plan::{self, TERMINATE};

/// Whom a command consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All processes there are but this one, which is the first of their namespace. They end with it.
    Namespace,
    /// Whatever descends from this process, to which orphans come.
    Descendants,
}

/// Runs a command to its end; `None` when the program has lost interest.
pub(super) fn run(order: &Order, control: &OwnedFd, scope: Scope) -> Result<Option<Report>, Fault> {
    // Nothing of the program's own is to be seen by those who wait for it or hear of its end.
    SigSet::empty().thread_set_mask().at(None, "hear signals")?;
    if is_over(control)? {
        return Ok(None);
    }
    let mut command = Command::new(&order.program);
    command.args(&order.arguments).current_dir(&order.cwd).process_group(0);
    command.env_clear().envs(order.env.iter().map(|(key, value)| (key, value)));
    let leader = match command.spawn() {
        Ok(child) => Pid::from_raw(child.id().cast_signed()),
        Err(error) => return Ok(Some(Report::NotStarted(error.raw_os_error().unwrap_or(Errno::EIO as i32)))),
    };
    // Blocked only now: what is started inherits what is blocked.
    let children = SigSet::from(Signal::SIGCHLD);
    children.thread_block().at(None, "hold signals back")?;
    let ended = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let report = watch(leader, &ended.at(None, "hear of ends")?, control, scope);
    if scope == Scope::Descendants {
        end_descendants();
    }
    report
}

/// Whether the program has lost interest before the command began.
fn is_over(control: &OwnedFd) -> Result<bool, Fault> {
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(control, PollFlags::IN)];
    let ready = rustix::io::retry_on_intr(|| poll(&mut fds, Some(&at_once))).at(None, "listen to the program")?;
    // A program that asks for an end at once gets one.
    Ok(ready > 0)
}

fn watch(leader: Pid, ended: &SignalFd, control: &OwnedFd, scope: Scope) -> Result<Option<Report>, Fault> {
    loop {
        if let Some(report) = reap(leader) {
            return Ok(Some(report));
        }
        let mut fds = [PollFd::new(ended, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
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
        Scope::Descendants => descendants().into_iter().for_each(|pid| {
            let _ = kill(pid, Signal::SIGTERM);
            let _ = kill(pid, Signal::SIGCONT);
        }),
    }
}

/// Kills until there is nobody left. Children of what is killed come to this process, so that each round finds them.
fn end_descendants() {
    loop {
        let found = descendants();
        // Stopped first, or they would start others meanwhile.
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for pid in &found {
                let _ = kill(*pid, signal);
            }
        }
        if waitpid(None, None) == Err(Errno::ECHILD) {
            return;
        }
    }
}

/// Everything that descends from this process. None of it can have another's number: its parent has not reaped it, or is
/// itself not reaped by this process.
fn descendants() -> Vec<Pid> {
    let mut found = children_of(Pid::this());
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children_of(pid));
        next += 1;
    }
    found
}

fn children_of(pid: Pid) -> Vec<Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).map(Pid::from_raw).collect::<Vec<_>>()
        })
        .collect()
}
