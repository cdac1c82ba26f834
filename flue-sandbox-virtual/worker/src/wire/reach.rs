//! What a command touched, as the worker tells it.
//!
//! It is for the record: a worker that is not itself any more can tell anything, of files that are in it and programs that are
//! not real. What holds it does not depend on it, and of hosts it is not asked.

use flue_core::reach::{Aspect, Names, Reach, ReachLog};
use serde::{Deserialize, Serialize};

/// The most bytes of all names together; what has no place is not told, and its side of reach counts as not measured.
const MAX_NAMES_BYTES: usize = 256 << 10;

/// What a command touched.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WireReach {
    reads: Vec<String>,
    writes: Vec<String>,
    searches: Vec<String>,
    programs: Vec<String>,
    missing: Vec<String>,
    env: Vec<String>,
    /// What was tried, and on what.
    refusals: Vec<(String, String)>,
    measured: Vec<Aspect>,
}

impl WireReach {
    pub(crate) fn new(reach: &Reach) -> Self {
        let mut left = MAX_NAMES_BYTES;
        let mut complete = true;
        let mut fit = |names: &Names| -> Vec<String> {
            let fits = |name: &&str| {
                let fits = name.len() <= left;
                left -= if fits { name.len() } else { 0 };
                complete &= fits;
                fits
            };
            names.iter().filter(fits).map(str::to_owned).collect()
        };
        let (reads, writes, searches) = (fit(&reach.reads), fit(&reach.writes), fit(&reach.searches));
        let (programs, missing, env) = (fit(&reach.programs), fit(&reach.missing), fit(&reach.env));
        let refusals = fit(&reach.refusals);
        let refusals = refusals.iter().filter_map(|refusal| refusal.split_once(' '));
        let refusals = refusals.map(|(tried, on)| (tried.to_owned(), on.to_owned())).collect();
        let measured = |aspect: &Aspect| complete && reach.is_known(*aspect);
        let measured = Aspect::ALL.into_iter().filter(measured).collect();
        Self { reads, writes, searches, programs, missing, env, refusals, measured }
    }

    /// Adds it to the log of the command. Hosts it has none: the process has no way to any network.
    pub(crate) fn tell(&self, log: &ReachLog) {
        self.reads.iter().for_each(|path| log.read(path));
        self.writes.iter().for_each(|path| log.wrote(path));
        self.searches.iter().for_each(|path| log.listed(path));
        self.programs.iter().for_each(|name| log.program(name));
        self.missing.iter().for_each(|name| log.missing(name));
        self.refusals.iter().for_each(|(tried, on)| log.refused(tried, on));
        log.env(self.env.iter().map(String::as_str));
        log.measured(self.measured.iter().copied().filter(|aspect| *aspect != Aspect::Hosts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_not_said_to_be_measured() {
        let log = ReachLog::new();
        log.read("/a");
        log.refused("open", "/b c");
        log.measured(Aspect::ALL);
        let told = ReachLog::new();
        WireReach::new(&log.take()).tell(&told);
        let told = told.take();
        assert!(told.reads.contains("/a") && told.refusals.contains("open /b c") && told.is_known(Aspect::Reads));
        assert!(!told.is_known(Aspect::Hosts), "that is the host's to say");

        (0..1000).for_each(|n| log.program(&format!("{n:0400}")));
        log.measured(Aspect::ALL);
        let wire = WireReach::new(&log.take());
        assert!(wire.programs.len() < 1000 && wire.measured.is_empty());
    }
}
