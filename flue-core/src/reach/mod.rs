//! Reach: what an agent touched, measured and never guessed.
//!
//! - [`Reach`] is what was touched: by one tool call, by a session, or in a sandbox
//! - [`ReachLog`] is where a sandbox says what one command touched, as far as it knows
//! - [`ReachLedger`] adds it up from events; the same events give the same ledger
//! - [`judge`] says whether less would have been enough
//!
//! Files that go through the file API are measured by the core. What a command touches only its sandbox can know; of what it
//! does not know the command is counted in [`Reach::unknown`].

mod ledger;
mod log;
mod named;
mod names;
mod recorded;
mod unstored;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::ledger::{MAX_SESSIONS, Place, ReachLedger};
pub use self::log::ReachLog;
pub use self::names::{MAX_NAME_BYTES, MAX_NAMES, Names};
pub(crate) use self::recorded::{CallReach, Recorded};
pub(crate) use self::unstored::Unstored;
pub use self::verdict::{Finding, Fit, Ladder, Verdict, judge};

/// A side of reach that a sandbox may be able to measure of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Aspect {
    /// Files whose content was read.
    Reads,
    /// Files and directories that were made, changed or removed.
    Writes,
    /// Programs that ran, and those that were not there.
    Programs,
    /// Hosts that were contacted.
    Hosts,
    /// Variables that could be read.
    Env,
}

impl Aspect {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Reads, Self::Writes, Self::Programs, Self::Hosts, Self::Env];
}

/// What was touched. Every list is bounded, and says how much it left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Reach {
    /// Files whose content was read.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub reads: Names,
    /// Files and directories that were made, changed or removed.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub writes: Names,
    /// Directories that were listed, or searched with everything beneath them.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub searches: Names,
    /// Commands, as the shell was given them.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub commands: Names,
    /// Programs that ran; where they are not measured, see [`Reach::unknown`].
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub programs: Names,
    /// Programs that were called and not there.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub missing: Names,
    /// Hosts that were contacted, as `host:port`.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub hosts: Names,
    /// Names of variables that commands could read; never their values.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub env: Names,
    /// What was refused: what was tried, and on what.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub refusals: Names,
    /// How many commands were run.
    #[serde(skip_serializing_if = "is_zero")]
    pub execs: u64,
    /// How many of them reached an unknown amount, by what is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<Aspect, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Reach {
    /// Whether nothing was touched, and nothing refused.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what else was touched.
    pub fn add(&mut self, other: &Self) {
        self.reads.add(&other.reads);
        self.writes.add(&other.writes);
        self.searches.add(&other.searches);
        self.commands.add(&other.commands);
        self.programs.add(&other.programs);
        self.missing.add(&other.missing);
        self.hosts.add(&other.hosts);
        self.env.add(&other.env);
        self.refusals.add(&other.refusals);
        self.execs = self.execs.saturating_add(other.execs);
        for (aspect, commands) in &other.unknown {
            let count = self.unknown.entry(*aspect).or_default();
            *count = count.saturating_add(*commands);
        }
    }

    /// The same without the names that `known` has.
    pub(crate) fn without(mut self, known: &Self) -> Self {
        self.reads.remove(&known.reads);
        self.writes.remove(&known.writes);
        self.searches.remove(&known.searches);
        self.commands.remove(&known.commands);
        self.programs.remove(&known.programs);
        self.missing.remove(&known.missing);
        self.hosts.remove(&known.hosts);
        self.env.remove(&known.env);
        self.refusals.remove(&known.refusals);
        self
    }

    /// Whether all of this side is known.
    pub fn is_known(&self, aspect: Aspect) -> bool {
        !self.unknown.contains_key(&aspect)
    }

    /// The lists, with their names and the side of reach that says whether they are complete.
    pub fn lists(&self) -> [(&'static str, Option<Aspect>, &Names); 9] {
        [
            ("reads", Some(Aspect::Reads), &self.reads),
            ("writes", Some(Aspect::Writes), &self.writes),
            ("searches", Some(Aspect::Reads), &self.searches),
            ("commands", None, &self.commands),
            ("programs", Some(Aspect::Programs), &self.programs),
            ("missing", Some(Aspect::Programs), &self.missing),
            ("hosts", Some(Aspect::Hosts), &self.hosts),
            ("env", Some(Aspect::Env), &self.env),
            ("refusals", None, &self.refusals),
        ]
    }

    /// Of how many commands this side is not known.
    pub fn unknown_of(&self, aspect: Option<Aspect>) -> u64 {
        aspect.and_then(|aspect| self.unknown.get(&aspect)).copied().unwrap_or_default()
    }

    /// The same with every name passed through `change`.
    pub(crate) fn map_names(&mut self, change: &impl Fn(&str) -> Option<String>) {
        let Self { reads, writes, searches, commands, programs, missing, hosts, env, refusals, execs: _, unknown: _ } =
            self;
        for names in [reads, writes, searches, commands, programs, missing, hosts, env, refusals] {
            names.map(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_there_once_and_survives_its_text() {
        let mut one = Reach { execs: 1, ..Reach::default() };
        one.reads.insert("/a");
        one.unknown.insert(Aspect::Hosts, 1);
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.reads.len(), sum.execs, sum.unknown[&Aspect::Hosts]), (1, 2, 2));
        assert!(!sum.is_known(Aspect::Hosts) && sum.is_known(Aspect::Reads) && !sum.is_empty());
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(text, r#"{"reads":{"names":["/a"]},"execs":2,"unknown":{"hosts":2}}"#);
        assert_eq!(serde_json::from_str::<Reach>(&text).unwrap(), sum);
    }
}
