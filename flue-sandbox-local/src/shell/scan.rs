//! Finding the processes of a command.

use std::ffi::OsString;
use std::fmt;

use crate::env::MARK;

/// Between the marks of commands inside each other.
const SEPARATOR: char = ':';

/// What marks the processes of one command.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark(String);

impl Mark {
    /// A mark that no other command has.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?)))
    }

    /// The value of [`MARK`] for a command that is run within `outer`, whose mark stays: a program that itself runs commands
    /// in sandboxes is found with all of them.
    pub(super) fn value(&self, outer: Option<&OsString>) -> OsString {
        let mut value = outer.cloned().unwrap_or_default();
        if !value.is_empty() {
            value.push(SEPARATOR.to_string());
        }
        value.push(&self.0);
        value
    }

    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is nothing to look at"))]
    fn is_in(&self, environ: &[u8]) -> bool {
        let of_variable = |variable: &[u8]| {
            let value = variable.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            value
                .is_some_and(|value| value.split(|byte| *byte == SEPARATOR as u8).any(|mark| mark == self.0.as_bytes()))
        };
        environ.split(|byte| *byte == 0).any(of_variable)
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(target_os = "linux")]
pub(crate) use self::linux::signal_below;
#[cfg(target_os = "linux")]
pub(super) use self::linux::{Process, find};
#[cfg(not(target_os = "linux"))]
pub(super) use self::other::{Process, find};

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashSet;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::Mark;

    /// The largest environment that is looked at; a process cannot be given a larger one by default.
    const MAX_ENVIRON_BYTES: u64 = 2 << 20;

    /// A process that belongs to a command.
    #[derive(Debug)]
    pub(in super::super) struct Process {
        handle: OwnedFd,
        id: i32,
        pub(in super::super) group: Pid,
        session: i32,
        started: u64,
    }

    impl Process {
        /// Sends a signal to this process and no other; nothing happens when it has gone.
        pub(in super::super) fn signal(&self, signal: Signal) {
            let _ = pidfd_send_signal(&self.handle, signal);
        }

        fn is_alive(&self) -> bool {
            Stat::of(self.id).is_some_and(|now| now.started == self.started && !now.is_dead())
        }
    }

    /// The processes of the command that `leader` leads, but not the leader itself: those that carry its mark, those of
    /// `known` that are still there, and those whose parent, group or session is one of these.
    pub(in super::super) fn find(leader: Pid, mark: &Mark, known: &[Process]) -> Vec<Process> {
        let leader = leader.as_raw_nonzero().get();
        let Some(first) = Stat::of(leader) else { return Vec::new() };
        let mut family = HashSet::from([leader]);
        // The leader's own session may be that of this program; any other was made by the command.
        let ids_of = |id, session| [Some(id), (session != first.session).then_some(session)].into_iter().flatten();
        for process in known.iter().filter(|process| process.is_alive()) {
            family.extend(ids_of(process.id, process.session));
        }
        // Nothing that was there before the leader is its child, and most of what runs was.
        let later = |id: &i32| *id != leader && Stat::of(*id).is_some_and(|stat| stat.started >= first.started);
        let mut rest: Vec<Candidate> = ids().filter(later).filter_map(Candidate::hold).collect();
        let mut found = Vec::new();
        loop {
            let (members, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|candidate| candidate.is_of(&family, mark));
            if members.is_empty() {
                return found;
            }
            family.extend(members.iter().flat_map(|member| ids_of(member.id, member.stat.session)));
            found.extend(members.into_iter().filter_map(Candidate::into_process));
            rest = others;
        }
    }

    /// Sends signals to what descends from `leader`, as far as it can be seen at once and `most` processes, and not to the
    /// leader itself.
    pub(crate) fn signal_below(leader: Pid, signals: &[Signal], most: usize) {
        let mut parents = vec![leader.as_raw_nonzero().get()];
        let mut seen = 0;
        while let Some(parent) = parents.pop() {
            for id in children_of(parent) {
                seen += 1;
                if seen > most {
                    return;
                }
                // Whose number that is now, its parent tells.
                let held = Pid::from_raw(id).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
                if let Some(held) = held.filter(|_| Stat::of(id).is_some_and(|stat| stat.parent == parent)) {
                    for signal in signals {
                        let _ = pidfd_send_signal(&held, *signal);
                    }
                    parents.push(id);
                }
            }
        }
    }

    fn children_of(id: i32) -> Vec<i32> {
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        lists.collect::<String>().split_whitespace().filter_map(|id| id.parse().ok()).collect()
    }

    /// A process that may belong to the command, held so that its number stays its own.
    struct Candidate {
        handle: OwnedFd,
        id: i32,
        stat: Stat,
        environ: Vec<u8>,
    }

    impl Candidate {
        /// A process that is alive.
        fn hold(id: i32) -> Option<Self> {
            let handle = pidfd_open(Pid::from_raw(id)?, PidfdFlags::empty()).ok()?;
            let mut environ = Vec::new();
            // One of another user, or one that is ending, has none to look at.
            if let Ok(file) = std::fs::File::open(format!("/proc/{id}/environ")) {
                let _ = file.take(MAX_ENVIRON_BYTES).read_to_end(&mut environ);
            }
            let stat = Stat::of(id).filter(|stat| !stat.is_dead())?;
            Some(Self { handle, id, stat, environ })
        }

        fn is_of(&self, family: &HashSet<i32>, mark: &Mark) -> bool {
            let Stat { parent, group, session, .. } = self.stat;
            [self.id, parent, group, session].iter().any(|id| family.contains(id)) || mark.is_in(&self.environ)
        }

        fn into_process(self) -> Option<Process> {
            let Stat { group, session, started, .. } = self.stat;
            Some(Process { handle: self.handle, id: self.id, group: Pid::from_raw(group)?, session, started })
        }
    }

    /// What `/proc/PID/stat` says.
    struct Stat {
        state: u8,
        parent: i32,
        group: i32,
        session: i32,
        started: u64,
    }

    impl Stat {
        fn of(id: i32) -> Option<Self> {
            Self::parse(&std::fs::read(format!("/proc/{id}/stat")).ok()?)
        }

        /// `pid (name) state ppid pgrp session …`, the start as the 22nd field: proc_pid_stat(5). The name may have
        /// spaces and brackets in it.
        fn parse(stat: &[u8]) -> Option<Self> {
            let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
            let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
            Some(Self {
                state: *fields.next()?.as_bytes().first()?,
                parent: fields.next()?.parse().ok()?,
                group: fields.next()?.parse().ok()?,
                session: fields.next()?.parse().ok()?,
                started: fields.nth(15)?.parse().ok()?,
            })
        }

        fn is_dead(&self) -> bool {
            matches!(self.state, b'Z' | b'X')
        }
    }

    /// The numbers of all processes.
    fn ids() -> impl Iterator<Item = i32> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
            let stat = b"42 (a) b (c) S 7 8 9 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
            let stat = Stat::parse(stat).unwrap();
            assert_eq!((stat.state, stat.parent, stat.group, stat.session, stat.started), (b'S', 7, 8, 9, 98765));
        }

        #[test]
        fn this_process_can_be_read() {
            assert!(Stat::of(std::process::id() as i32).unwrap().started > 0);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use rustix::process::{Pid, Signal};

    use super::Mark;

    /// Nothing is ever found where there is no `/proc`: the group is all that is killed.
    #[derive(Debug)]
    pub(in super::super) struct Process {
        pub(in super::super) group: Pid,
    }

    impl Process {
        pub(in super::super) fn signal(&self, _signal: Signal) {}
    }

    pub(in super::super) fn find(_leader: Pid, _mark: &Mark, _known: &[Process]) -> Vec<Process> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_nest() {
        let (outer, inner, other) = (Mark::new().unwrap(), Mark::new().unwrap(), Mark::new().unwrap());
        let value = inner.value(Some(&outer.value(None)));
        let environ = format!("A=1\0{MARK}={}\0B=2\0", value.to_str().unwrap());
        assert!(outer.is_in(environ.as_bytes()) && inner.is_in(environ.as_bytes()));
        assert!(!other.is_in(environ.as_bytes()));
        assert!(!inner.is_in(format!("X{MARK}={}\0", inner.0).as_bytes()));
    }
}
