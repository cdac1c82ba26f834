//! A bounded set of names.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The most names of one list.
pub const MAX_NAMES: usize = 1000;
/// The longest name, in bytes; what is longer is cut and ends in `…`.
pub const MAX_NAME_BYTES: usize = 500;

/// A set of names, bounded in number and length. Those that came first stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    names: BTreeSet<String>,
    /// How often a name found no place.
    #[serde(skip_serializing_if = "super::is_zero")]
    dropped: u64,
}

impl Names {
    /// Whether there is nothing, and nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.dropped == 0
    }

    /// How many names are kept.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// How often a name was left out because there were [`MAX_NAMES`] already. The same one may be counted several times.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether the name is kept.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Adds a name.
    pub fn insert(&mut self, name: &str) {
        if self.names.contains(name) {
            return;
        }
        let cut;
        let name = if name.len() > MAX_NAME_BYTES {
            const MARK: &str = "…";
            cut = format!("{}{MARK}", &name[..name.floor_char_boundary(MAX_NAME_BYTES - MARK.len())]);
            if self.names.contains(&cut) {
                return;
            }
            &cut
        } else {
            name
        };
        if self.names.len() < MAX_NAMES {
            self.names.insert(name.to_owned());
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Adds all of another set.
    pub(super) fn add(&mut self, other: &Self) {
        other.iter().for_each(|name| self.insert(name));
        self.dropped = self.dropped.saturating_add(other.dropped);
    }

    /// Takes away those of another set.
    pub(super) fn remove(&mut self, other: &Self) {
        self.names.retain(|name| !other.contains(name));
    }

    /// Replaces the names for which `change` has another.
    pub(super) fn map(&mut self, change: &impl Fn(&str) -> Option<String>) {
        let changed: Vec<(String, String)> =
            self.iter().filter_map(|name| Some((name.to_owned(), change(name)?))).collect();
        for (old, new) in changed {
            self.names.remove(&old);
            self.insert(&new);
        }
    }
}

impl<'a> Extend<&'a str> for Names {
    fn extend<I: IntoIterator<Item = &'a str>>(&mut self, names: I) {
        names.into_iter().for_each(|name| self.insert(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_length_are_bounded_and_what_is_left_out_is_counted() {
        let mut names = Names::default();
        names.extend((0..MAX_NAMES + 7).map(|n| n.to_string()).collect::<Vec<_>>().iter().map(String::as_str));
        names.insert("0");
        assert_eq!((names.len(), names.dropped()), (MAX_NAMES, 7));
        let mut long = Names::default();
        long.insert(&"é".repeat(MAX_NAME_BYTES));
        long.insert(&"é".repeat(MAX_NAME_BYTES));
        let name = long.iter().next().unwrap();
        assert!(name.len() <= MAX_NAME_BYTES && name.ends_with("é…"), "{name}");
        assert_eq!((long.len(), long.dropped()), (1, 0));
    }
}
