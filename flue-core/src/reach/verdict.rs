//! Whether less would have been enough.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::named::named;
use super::{Aspect, Names, Place, Reach, ReachLedger};
use crate::SandboxLevel;

/// The most names that one reason lists.
const MAX_LISTED: usize = 8;
/// Where every sandbox has files that belong to nobody's work.
const ANYWHERE: [&str; 2] = ["/dev", "/tmp"];

/// What narrower rungs have, as far as a verdict has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ladder {
    /// The programs of the virtual shell.
    pub virtual_programs: BTreeSet<String>,
}

impl Ladder {
    /// A ladder whose virtual shell has these programs.
    pub fn new<P: Into<String>>(virtual_programs: impl IntoIterator<Item = P>) -> Self {
        Self { virtual_programs: virtual_programs.into_iter().map(Into::into).collect() }
    }
}

/// Whether a rung would have been enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fit {
    /// Everything that was touched is there.
    Enough,
    /// Something would have been missing.
    NotEnough,
    /// Nothing that is known speaks against it, and not everything is known.
    Unknown,
}

/// What is said of one rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rung.
    pub level: SandboxLevel,
    /// Whether it would have been enough.
    pub fit: Fit,
    /// Why, a sentence each.
    pub reasons: Vec<String>,
}

/// Whether less reach would have been enough for what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// Where it was done.
    pub sandbox: Place,
    /// Of each narrower rung, narrowest first.
    pub narrower: Vec<Finding>,
    /// What the same rung could do without, a sentence each.
    pub spare: Vec<String>,
}

impl Verdict {
    /// The narrowest rung that is known to be enough, if it is narrower than the one that was used.
    pub fn enough(&self) -> Option<&Finding> {
        self.narrower.iter().find(|finding| finding.fit == Fit::Enough)
    }
}

/// Judges what was touched; nothing can be said of events without the opening of a sandbox.
pub fn judge(ledger: &ReachLedger, ladder: &Ladder) -> Option<Verdict> {
    let sandbox = ledger.sandbox.clone()?;
    let case = Case { reach: &ledger.whole, place: &sandbox, lost: ledger.lost_events };
    let mut narrower = Vec::new();
    if sandbox.level > SandboxLevel::Virtual {
        narrower.push(case.of_virtual(ladder));
    }
    if sandbox.level > SandboxLevel::Confined {
        narrower.push(case.of_confined());
    }
    let spare = case.spare();
    Some(Verdict { narrower, spare, sandbox })
}

/// What there is to judge.
struct Case<'a> {
    reach: &'a Reach,
    place: &'a Place,
    lost: u64,
}

/// Reasons, for and against.
#[derive(Default)]
struct Reasons {
    against: Vec<String>,
    unknown: Vec<String>,
    for_it: Vec<String>,
}

impl Reasons {
    fn finding(self, level: SandboxLevel) -> Finding {
        let (fit, reasons) = match (self.against.is_empty(), self.unknown.is_empty()) {
            (false, _) => (Fit::NotEnough, self.against),
            (true, false) => (Fit::Unknown, [self.unknown, self.for_it].concat()),
            (true, true) => (Fit::Enough, self.for_it),
        };
        Finding { level, fit, reasons }
    }
}

impl Case<'_> {
    fn of_virtual(&self, ladder: &Ladder) -> Finding {
        let (reach, mut why) = (self.reach, Reasons::default());
        self.completeness(&mut why);
        self.programs(ladder, &mut why);
        let outside = [self.outside(&reach.reads), self.outside(&reach.writes), self.outside(&reach.searches)].concat();
        if !outside.is_empty() {
            let outside: BTreeSet<&str> = outside.into_iter().collect();
            why.against.push(format!("files outside of {} were used: {}", self.place.cwd, listed(outside)));
        } else if self.all_known(&[Aspect::Reads, Aspect::Writes]) {
            why.for_it.push(format!("nothing outside of {} was read or written", self.place.cwd));
        } else {
            why.unknown.push("what commands read and wrote was not measured".to_owned());
        }
        self.hosts("and the virtual sandbox can be allowed the hosts that were contacted", &mut why);
        if !reach.writes.is_empty() {
            why.for_it.push("what it wrote would have to be collected".to_owned());
        }
        why.finding(SandboxLevel::Virtual)
    }

    fn of_confined(&self) -> Finding {
        let (reach, mut why) = (self.reach, Reasons::default());
        self.completeness(&mut why);
        let outside = self.outside(&reach.writes);
        if !outside.is_empty() {
            why.against.push(format!("files outside of {} were written: {}", self.place.cwd, listed(outside)));
        } else if reach.is_known(Aspect::Writes) {
            why.for_it.push(format!("nothing outside of {} was written", self.place.cwd));
        } else {
            why.unknown.push("what commands wrote was not measured; confined, they would be held to it".to_owned());
        }
        self.hosts("and confined commands can be allowed the hosts that were contacted", &mut why);
        why.finding(SandboxLevel::Confined)
    }

    /// What is missing of the record itself.
    fn completeness(&self, why: &mut Reasons) {
        if self.lost > 0 {
            why.unknown.push(format!("{} events were lost", self.lost));
        }
        let lists = self.reach.lists();
        let cut: Vec<&str> =
            lists.iter().filter(|(_, _, names)| names.dropped() > 0).map(|(name, _, _)| *name).collect();
        if !cut.is_empty() {
            why.unknown.push(format!("more was touched than is kept: {}", cut.join(", ")));
        }
    }

    fn programs(&self, ladder: &Ladder, why: &mut Reasons) {
        let reach = self.reach;
        let has = |name: &str| ladder.virtual_programs.contains(name);
        if reach.execs == 0 {
            why.for_it.push("no command was run".to_owned());
            return;
        }
        let lacking: BTreeSet<&str> = reach.programs.iter().filter(|name| !has(name)).collect();
        if !lacking.is_empty() {
            why.against.push(format!("programs ran that the virtual shell does not have: {}", listed(lacking)));
        } else if reach.is_known(Aspect::Programs) {
            why.for_it.push("every program that ran exists in the virtual shell".to_owned());
        } else {
            let (mut programs, mut opaque) = (BTreeSet::new(), reach.commands.dropped() > 0);
            for command in reach.commands.iter() {
                let of_command = named(command);
                programs.extend(of_command.programs);
                opaque |= of_command.opaque;
            }
            let lacking: BTreeSet<&str> = programs.iter().map(String::as_str).filter(|name| !has(name)).collect();
            let all = listed(programs.iter().map(String::as_str));
            if !lacking.is_empty() {
                why.against
                    .push(format!("commands name programs that the virtual shell does not have: {}", listed(lacking)));
            } else if opaque {
                why.unknown.push(format!("commands run more than their text names ({all})"));
            } else {
                why.unknown.push(format!(
                    "commands name only programs of the virtual shell ({all}); what ran was not measured"
                ));
            }
        }
    }

    fn hosts(&self, allowed: &str, why: &mut Reasons) {
        let hosts = &self.reach.hosts;
        if !hosts.is_empty() {
            why.for_it.push(format!("{allowed}: {}", listed(hosts.iter())));
        }
        if !self.reach.is_known(Aspect::Hosts) {
            why.unknown.push("which hosts commands contacted was not measured".to_owned());
        } else if hosts.is_empty() {
            why.for_it.push("no host was contacted".to_owned());
        }
    }

    fn spare(&self) -> Vec<String> {
        let (reach, mut spare) = (self.reach, Vec::new());
        if self.lost > 0 {
            return spare;
        }
        if reach.execs == 0 {
            spare.push("no command was run: commands could be left out".to_owned());
        }
        if reach.writes.is_empty() && reach.is_known(Aspect::Writes) {
            spare.push("nothing was written: it could be read-only".to_owned());
        }
        if reach.execs > 0 && reach.hosts.is_empty() && reach.is_known(Aspect::Hosts) {
            spare.push("no host was contacted: it could be without network".to_owned());
        }
        spare
    }

    fn all_known(&self, aspects: &[Aspect]) -> bool {
        aspects.iter().all(|aspect| self.reach.is_known(*aspect))
    }

    /// Those that lie outside of the workspace.
    fn outside<'n>(&self, names: &'n Names) -> Vec<&'n str> {
        let is_below = |name: &str, dir: &str| {
            dir == "/" || name.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fits = |name: &str| is_below(name, &self.place.cwd) || ANYWHERE.iter().any(|dir| is_below(name, dir));
        names.iter().filter(|name| !fits(name)).collect()
    }
}

fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = names.iter().take(MAX_LISTED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MAX_LISTED {
        text.push_str(&format!(" and {} more", names.len() - MAX_LISTED));
    }
    text
}

impl fmt::Display for Verdict {
    /// A line for what was used, one for each narrower rung, and one for each thing to spare.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.sandbox.level;
        match self.enough() {
            Some(finding) => write!(f, "{} would do: {}", finding.level, finding.reasons.join("; "))?,
            None if self.narrower.is_empty() => write!(f, "{used} is the narrowest there is")?,
            None if self.narrower.iter().all(|finding| finding.fit == Fit::NotEnough) => {
                write!(f, "{used} was needed, as far as rungs go")?;
            }
            None => write!(f, "{used} was used; whether less would do is not known")?,
        }
        let told = self.enough().map(|finding| finding.level);
        for Finding { level, fit, reasons } in self.narrower.iter().filter(|finding| Some(finding.level) != told) {
            let words = match fit {
                Fit::Enough => "would do",
                Fit::NotEnough => "would not do",
                Fit::Unknown => "may do",
            };
            write!(f, "\n{level} {words}: {}", reasons.join("; "))?;
        }
        self.spare.iter().try_for_each(|spare| write!(f, "\n{spare}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reach::ReachLog;

    fn ledger(level: SandboxLevel, reach: Reach) -> ReachLedger {
        let sandbox = Some(Place { level, provider: "test".into(), cwd: "/job".into() });
        ReachLedger { sandbox, whole: reach, ..ReachLedger::new() }
    }

    fn told(level: SandboxLevel, reach: Reach) -> String {
        judge(&ledger(level, reach), &Ladder::new(["cat", "sort"])).unwrap().to_string()
    }

    fn command(text: &str, measured: &[Aspect]) -> Reach {
        let log = ReachLog::new();
        log.measured(measured.iter().copied());
        let mut reach = log.take();
        reach.commands.insert(text);
        reach
    }

    #[test]
    fn files_alone_need_no_machine() {
        let mut reach = Reach::default();
        reach.reads.insert("/job/a");
        assert_eq!(
            told(SandboxLevel::Local, reach),
            "virtual would do: no command was run; nothing outside of /job was read or written; no host was contacted\n\
             confined would do: nothing outside of /job was written; no host was contacted\n\
             no command was run: commands could be left out\nnothing was written: it could be read-only"
        );
    }

    #[test]
    fn what_was_not_measured_is_not_taken_for_nothing() {
        assert_eq!(
            told(SandboxLevel::Local, command("sort a", &[])),
            "local was used; whether less would do is not known\n\
             virtual may do: commands name only programs of the virtual shell (sort); what ran was not measured; what commands \
             read and wrote was not measured; which hosts commands contacted was not measured\n\
             confined may do: what commands wrote was not measured; confined, they would be held to it; which hosts commands \
             contacted was not measured"
        );
    }

    #[test]
    fn what_is_missing_below_is_named() {
        let text = told(SandboxLevel::Local, command("cargo test", &[]));
        assert!(
            text.contains("virtual would not do: commands name programs that the virtual shell does not have: cargo")
        );
        let mut reach = Reach::default();
        reach.reads.insert("/etc/hosts");
        reach.writes.insert("/tmp/x");
        let text = told(SandboxLevel::Local, reach);
        assert!(
            text.starts_with("confined would do") && text.contains("outside of /job were used: /etc/hosts"),
            "{text}"
        );
    }

    #[test]
    fn measured_programs_decide() {
        let mut reach = command("anything", &Aspect::ALL);
        reach.programs.insert("sort");
        assert!(told(SandboxLevel::Remote, reach.clone()).starts_with(
            "virtual would do: every program that ran exists in the virtual shell; nothing outside of /job was read or written"
        ));
        reach.programs.insert("gcc");
        assert!(told(SandboxLevel::Remote, reach.clone()).starts_with("remote was needed"));
        assert!(told(SandboxLevel::Virtual, reach).starts_with("virtual is the narrowest there is"));
    }

    #[test]
    fn a_record_with_holes_proves_nothing() {
        let mut lost = ledger(SandboxLevel::Local, Reach::default());
        lost.lost_events = 3;
        let verdict = judge(&lost, &Ladder::default()).unwrap();
        assert!(verdict.enough().is_none() && verdict.spare.is_empty());
        assert!(judge(&ReachLedger::new(), &Ladder::default()).is_none());
    }
}
