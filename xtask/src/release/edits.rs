//! What a release changes in each kind of file, from text to text.

use super::version::Version;
use crate::report::{Failure, Outcome};

/// The heading under which the changes of the next release are written.
const UNRELEASED: [&str; 2] = ["## Unreleased", "## [Unreleased]"];

/// A manifest: the version that all crates inherit, and the one by which they ask for each other.
pub(super) fn manifest(text: &str, crates: &[&str], current: &Version, next: &Version) -> String {
    let (old, new) = (format!("version = \"{current}\""), format!("version = \"{next}\""));
    let mut section = "";
    lines(text, |line| {
        if line.starts_with('[') {
            section = line.trim();
        }
        let inherited = section == "[workspace.package]" && line.trim() == old;
        let ours = key(line).is_some_and(|key| crates.contains(&key)) && line.contains("path = ");
        if inherited || ours { line.replace(&old, &new) } else { line.to_owned() }
    })
}

/// The lock file: the entries of our crates, which have no source.
pub(super) fn lock(text: &str, crates: &[&str], current: &Version, next: &Version) -> String {
    let entries = text.split("[[package]]\n").map(|entry| {
        let name = entry.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        if name.is_some_and(|name| crates.contains(&name)) && !entry.contains("\nsource = ") {
            entry.replacen(&format!("\nversion = \"{current}\"\n"), &format!("\nversion = \"{next}\"\n"), 1)
        } else {
            entry.to_owned()
        }
    });
    entries.collect::<Vec<_>>().join("[[package]]\n")
}

/// The changelog: what was unreleased gets its version and date, and an empty place is left for what comes.
pub(super) fn changelog(text: &str, next: &Version, date: &str) -> Outcome<String> {
    let nothing =
        || Failure::new("release: CHANGELOG.md says nothing under `## Unreleased`: say what changes for users");
    let heading = UNRELEASED.into_iter().find_map(|heading| Some((heading, text.find(&format!("\n{heading}\n"))?)));
    let (heading, at) = heading.ok_or_else(nothing)?;
    let (before, after) = text.split_at(at + 1 + heading.len());
    let section = after.split("\n## ").next().unwrap_or_default();
    if !section.lines().any(|line| line.starts_with("- ")) {
        return Err(nothing());
    }
    Ok(format!("{before}\n\n## {next} - {date}{after}"))
}

/// A README: the versions in examples of manifests.
pub(super) fn readme(text: &str, crates: &[&str], current: &Version, next: &Version) -> String {
    let (old, new) = (format!("\"{}\"", current.short()), format!("\"{}\"", next.short()));
    lines(text, |line| {
        let ours = key(line).is_some_and(|key| crates.contains(&key));
        if ours { line.replace(&old, &new) } else { line.to_owned() }
    })
}

/// What a line of TOML sets.
fn key(line: &str) -> Option<&str> {
    line.split_once(" = ").map(|(key, _)| key.trim())
}

fn lines<'a>(text: &'a str, edit: impl FnMut(&'a str) -> String) -> String {
    text.split('\n').map(edit).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> (Version, Version) {
        (Version::parse("0.1.0").expect("a version"), Version::parse("0.2.0").expect("a version"))
    }

    #[test]
    fn only_our_own_versions_go_up() {
        let (current, next) = versions();
        let text = "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\n\
            flue-core = { path = \"flue-core\", version = \"0.1.0\" }\nother = { version = \"0.1.0\" }\n";
        let edited = manifest(text, &["flue-core"], &current, &next);
        assert_eq!(edited.matches("0.2.0").count(), 2, "{edited}");
        assert!(edited.contains("other = { version = \"0.1.0\" }\n"), "{edited}");

        let text = "version = 4\n\n[[package]]\nname = \"flue-core\"\nversion = \"0.1.0\"\n\n\
            [[package]]\nname = \"other\"\nversion = \"0.1.0\"\nsource = \"registry\"\n";
        let edited = lock(text, &["flue-core"], &current, &next);
        assert!(edited.contains("name = \"flue-core\"\nversion = \"0.2.0\"\n"), "{edited}");
        assert!(edited.contains("name = \"other\"\nversion = \"0.1.0\"\n"), "{edited}");

        let text = "A 0.1.\n\nflue-core = { version = \"0.1\" }\nflue-core = \"0.1\"\nother = \"0.1\"\n";
        let edited = readme(text, &["flue-core"], &current, &next);
        assert_eq!(edited, "A 0.1.\n\nflue-core = { version = \"0.2\" }\nflue-core = \"0.2\"\nother = \"0.1\"\n");
    }

    #[test]
    fn the_changelog_gets_a_section_and_keeps_a_place() {
        let (_, next) = versions();
        let text = "# Changelog\n\n## Unreleased\n\n- More.\n\n## 0.1.0 - 2026-01-01\n\n- All.\n";
        let edited = changelog(text, &next, "2026-02-03").expect("a section");
        let expected =
            "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n- More.\n\n## 0.1.0 - 2026-01-01\n\n- All.\n";
        assert_eq!(edited, expected);
        assert!(changelog(&edited, &next, "2026-02-03").is_err(), "nothing is unreleased any more");
        assert!(changelog("# Changelog\n", &next, "2026-02-03").is_err());
    }
}
