//! Where a sandbox says what one command touched.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Aspect, Reach};

/// Where a sandbox says what one command touched: given to it as [`ExecRequest::reach`](crate::ExecRequest::reach).
///
/// It says what it sees, from any thread, while the command runs. A side of reach counts as measured only where it says at the
/// command's end that it saw all of it ([`ReachLog::measured`]); a command that is given up half-way is not.
#[derive(Debug, Default)]
pub struct ReachLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reach: Reach,
    measured: BTreeSet<Aspect>,
}

impl ReachLog {
    /// A log of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file's content was read.
    pub fn read(&self, path: &str) {
        self.lock().reach.reads.insert(path);
    }

    /// A file or directory was made, changed or removed.
    pub fn wrote(&self, path: &str) {
        self.lock().reach.writes.insert(path);
    }

    /// A directory was listed.
    pub fn listed(&self, path: &str) {
        self.lock().reach.searches.insert(path);
    }

    /// A program ran.
    pub fn program(&self, name: &str) {
        self.lock().reach.programs.insert(name);
    }

    /// A program was called that is not there.
    pub fn missing(&self, name: &str) {
        self.lock().reach.missing.insert(name);
    }

    /// A host was contacted.
    pub fn host(&self, host: &str, port: u16) {
        self.lock().reach.hosts.insert(&format!("{host}:{port}"));
    }

    /// Variables that the command could read.
    pub fn env<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.lock().reach.env.extend(names);
    }

    /// Something was refused: what was tried, such as `connect`, and on what.
    pub fn refused(&self, tried: &str, on: &str) {
        self.lock().reach.refusals.insert(&format!("{tried} {on}"));
    }

    /// These sides of reach were seen in full, from the command's start to its end.
    pub fn measured(&self, aspects: impl IntoIterator<Item = Aspect>) {
        self.lock().measured.extend(aspects);
    }

    /// Ends the log of a command: what it touched, and what of it is not known.
    pub fn take(&self) -> Reach {
        let State { mut reach, measured } = std::mem::take(&mut *self.lock());
        reach.execs = 1;
        reach.unknown = Aspect::ALL.into_iter().filter(|aspect| !measured.contains(aspect)).map(|a| (a, 1)).collect();
        reach
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_measured_is_unknown() {
        let log = ReachLog::new();
        log.program("ls");
        log.host("example.com", 443);
        log.refused("connect", "other.net:443");
        log.measured([Aspect::Programs]);
        let reach = log.take();
        assert!(reach.is_known(Aspect::Programs) && reach.programs.contains("ls"));
        assert!(!reach.is_known(Aspect::Hosts) && reach.hosts.contains("example.com:443"));
        assert!(reach.refusals.contains("connect other.net:443"));
        assert_eq!((reach.execs, reach.unknown.len()), (1, 4));
    }
}
