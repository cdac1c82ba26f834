//! Which members are meant, and what they are called outside.

use super::super::super::glob;

/// The names asked for, and which of them were seen.
pub(super) struct Wanted {
    names: Vec<(String, bool)>,
    exclude: Vec<String>,
    wildcards: bool,
}

impl Wanted {
    pub(super) fn new(names: impl IntoIterator<Item = String>, exclude: Vec<String>, wildcards: bool) -> Self {
        let names = names.into_iter().map(|name| (name.trim_end_matches('/').to_string(), false)).collect();
        Self { names, exclude, wildcards }
    }

    /// Whether a member is meant; with no names all are.
    pub(super) fn has(&mut self, member: &str) -> bool {
        let member = member.trim_end_matches('/');
        let mut wanted = self.names.is_empty();
        for (name, seen) in &mut self.names {
            if starts(name, member, self.wildcards) {
                *seen = true;
                wanted = true;
            }
        }
        wanted && !is_excluded(&self.exclude, member)
    }

    /// The names no member had.
    pub(super) fn missing(self) -> impl Iterator<Item = String> {
        self.names.into_iter().filter(|(_, seen)| !seen).map(|(name, _)| name)
    }
}

/// Whether `member` or a directory it is in is called `name`.
fn starts(name: &str, member: &str, wildcards: bool) -> bool {
    heads(member).any(|head| if wildcards { glob::matches(name, head) } else { name == head })
}

/// Whether `member` or a directory it is in is called by a pattern, from any slash on.
pub(super) fn is_excluded(patterns: &[String], member: &str) -> bool {
    patterns.iter().any(|pattern| {
        let pattern = pattern.trim_end_matches('/');
        heads(member.trim_end_matches('/')).any(|head| {
            let tails = std::iter::once(head).chain(head.match_indices('/').map(|(at, _)| &head[at + 1..]));
            tails.into_iter().any(|tail| glob::matches(pattern, tail))
        })
    })
}

/// A name and the directories it is in.
fn heads(member: &str) -> impl Iterator<Item = &str> {
    std::iter::once(member).chain(member.match_indices('/').map(|(at, _)| &member[..at]))
}

/// What is left of a name without its first `strip` parts.
pub(super) fn strip(name: &str, strip: usize) -> Option<&str> {
    let mut rest = name;
    for _ in 0..strip {
        rest = rest.trim_start_matches('/').split_once('/')?.1;
    }
    let rest = if strip > 0 { rest.trim_start_matches('/') } else { rest };
    (!rest.is_empty()).then_some(rest)
}

/// The part of a name that must not be in an archive: what leads out of the directory it is put in.
pub(super) fn unsafe_prefix(name: &str) -> &str {
    let rest = match name.rfind("../").filter(|&at| at == 0 || name[..at].ends_with('/')) {
        Some(at) => &name[at + 3..],
        None => name,
    };
    &name[..name.len() - rest.trim_start_matches('/').len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_what_is_below_them() {
        let mut wanted = Wanted::new(["d/e/".to_string(), "x".to_string()], Vec::new(), false);
        assert!(wanted.has("d/e/") && wanted.has("d/e/f") && !wanted.has("d/ef") && !wanted.has("d"));
        assert_eq!(wanted.missing().collect::<Vec<_>>(), ["x"]);
        let mut wild = Wanted::new(["*.txt".to_string()], vec!["b*".into()], true);
        assert!(wild.has("d/a.txt") && !wild.has("d/b.txt") && !wild.has("a.md"));
    }

    #[test]
    fn patterns_exclude_from_any_slash_on() {
        let excluded = |pattern: &str, member| is_excluded(&[pattern.to_string()], member);
        assert!(excluded("*.log", "d/a.log") && excluded("node_modules", "d/node_modules/x"));
        assert!(excluded("d/e", "d/e/f") && !excluded("e/g", "d/e/f") && !excluded("od", "node"));
    }

    #[test]
    fn names_are_cut() {
        assert_eq!(strip("a/b/c", 1), Some("b/c"));
        assert_eq!(strip("a/", 1), None);
        assert_eq!(strip("a", 1), None);
        assert_eq!(unsafe_prefix("/etc/x"), "/");
        assert_eq!(unsafe_prefix("a/../../b"), "a/../../");
        assert_eq!(unsafe_prefix("a/b..c/d"), "");
    }
}
