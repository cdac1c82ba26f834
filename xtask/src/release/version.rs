//! Versions: three numbers.

use std::fmt;

/// A version X.Y.Z. Releases have no other parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    /// Reads X.Y.Z.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| {
            let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            plain.then(|| part.parse().ok()).flatten()
        });
        let version = Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(version)
    }

    /// The version that `next` names: a version itself, or which number goes up.
    pub(super) fn next(self, next: &str) -> Option<Self> {
        let Self { major, minor, patch } = self;
        match next {
            "major" => Some(Self { major: major + 1, minor: 0, patch: 0 }),
            "minor" => Some(Self { major, minor: minor + 1, patch: 0 }),
            "patch" => Some(Self { major, minor, patch: patch + 1 }),
            version => Self::parse(version),
        }
    }

    /// What git calls it.
    pub(super) fn tag(self) -> String {
        format!("v{self}")
    }

    /// What stands for all compatible versions in examples: X.Y.
    pub(super) fn short(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_go_up() {
        let version = Version::parse("0.9.10").expect("a version");
        assert_eq!(version.to_string(), "0.9.10");
        for (next, expected) in [("patch", "0.9.11"), ("minor", "0.10.0"), ("major", "1.0.0"), ("2.3.4", "2.3.4")] {
            assert_eq!(version.next(next).expect(next).to_string(), expected);
        }
        assert!(version.next("minor") > Some(version), "numbers are compared as numbers");
        for bad in
            ["", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "1.2.-3", "1.2.3-rc.1", "+1.2.3", "99999999999999999999.0.0"]
        {
            assert_eq!(version.next(bad), None, "{bad}");
        }
    }
}
