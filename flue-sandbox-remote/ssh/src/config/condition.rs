//! For whom a block of ssh_config is: `Host` and `Match`.

use crate::pattern::listed;

/// Whether a block counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    Yes,
    No,
    /// That hangs on what is not found out here, such as a program's exit code.
    Unsure,
}

impl Counts {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unsure,
        }
    }
}

impl From<bool> for Counts {
    fn from(counts: bool) -> Self {
        if counts { Self::Yes } else { Self::No }
    }
}

/// What conditions are about.
pub(super) struct Facts<'a> {
    /// The name of the host as far as it is known by now.
    pub(super) host: &'a str,
    /// The name that was given.
    pub(super) original_host: &'a str,
    pub(super) user: &'a str,
    pub(super) local_user: &'a str,
    /// Whether the files are read a second time, as `final` demands.
    pub(super) last: bool,
}

/// Judges the arguments of `Match`.
///
/// # Errors
/// What is wrong with them.
pub(super) fn judge(arguments: &[String], facts: &Facts<'_>) -> Result<Counts, &'static str> {
    if arguments.is_empty() {
        return Err("Match has no condition");
    }
    let mut counts = Counts::Yes;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (negated, name) = word.strip_prefix('!').map_or((false, &**word), |name| (true, name));
        let name = name.to_ascii_lowercase();
        let flag = match &*name {
            "all" => Some(true),
            "canonical" | "final" => Some(facts.last),
            _ => None,
        };
        let held = match flag {
            Some(flag) => Counts::from(flag != negated),
            None => {
                let list = words.next().ok_or("a condition of Match has no value")?;
                let is_listed = |name: &str| Counts::from(listed(list.split(','), name) != negated);
                // Names of hosts have no case, here.
                let is_host = |name: &str| {
                    let list = list.to_ascii_lowercase();
                    Counts::from(listed(list.split(','), &name.to_ascii_lowercase()) != negated)
                };
                match &*name {
                    "host" => is_host(facts.host),
                    "originalhost" => is_host(facts.original_host),
                    "user" => is_listed(facts.user),
                    "localuser" => is_listed(facts.local_user),
                    _ => Counts::Unsure,
                }
            }
        };
        counts = counts.and(held);
    }
    Ok(counts)
}

/// Whether `Match` has the files read a second time.
pub(super) fn wants_last(arguments: &[String]) -> bool {
    arguments.iter().any(|word| word.trim_start_matches('!').eq_ignore_ascii_case("final"))
}
