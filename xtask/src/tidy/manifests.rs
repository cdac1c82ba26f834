//! Manifests and what stands beside them.

use crate::report::Problem;
use crate::tidy::TextFile;
use crate::workspace::Crate;

const CLIPPY: &str = "clippy.toml";

/// The texts of the licences, at the root and in each package.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// How many keywords a registry takes, and how long they may be.
const KEYWORDS: usize = 5;
const KEYWORD_BYTES: usize = 20;

/// The categories that our crates are in: a registry refuses a word that it does not have.
const CATEGORIES: &[&str] = &[
    "api-bindings",
    "asynchronous",
    "command-line-utilities",
    "database",
    "development-tools",
    "development-tools::testing",
    "emulators",
    "encoding",
    "filesystem",
    "os::linux-apis",
];

pub(super) fn check(crates: &[Crate], files: &[TextFile]) -> Vec<Problem> {
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.as_str());
    let mut problems = Vec::new();
    for member in crates {
        let dir = &member.dir;
        let manifest = format!("{dir}/Cargo.toml");
        if member.description.as_deref().is_none_or(str::is_empty) {
            problems.push(Problem::new(&manifest, "has no description"));
        }
        if text_of(&format!("{dir}/README.md")).is_none_or(|text| text.trim().is_empty()) {
            problems.push(Problem::new(dir, "has no README.md, or an empty one"));
        }
        if !text_of(&manifest).is_some_and(inherits_lints) {
            problems.push(Problem::new(&manifest, "does not inherit the lints: [lints] workspace = true"));
        }
        if member.published {
            problems.extend(check_published(member, &manifest, text_of));
        }
    }
    problems.extend(check_clippy(crates, files));
    problems
}

/// What a package shows to those who look for one, and has to bring with it: it is read away from this repository.
fn check_published<'a>(member: &Crate, manifest: &str, text_of: impl Fn(&str) -> Option<&'a str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let keyword = |word: &String| {
        word.len() <= KEYWORD_BYTES && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if !(1..=KEYWORDS).contains(&member.keywords.len()) || !member.keywords.iter().all(keyword) {
        let text = format!("needs 1 to {KEYWORDS} keywords of a-z, 0-9 and `-`, of {KEYWORD_BYTES} bytes at the most");
        problems.push(Problem::new(manifest, text));
    }
    if member.categories.is_empty() {
        problems.push(Problem::new(manifest, "needs a category"));
    }
    for unknown in member.categories.iter().filter(|category| !CATEGORIES.contains(&category.as_str())) {
        let text = format!("category `{unknown}` is not on the list in xtask/src/tidy/manifests.rs");
        problems.push(Problem::new(manifest, text));
    }
    for licence in LICENCES {
        let own = format!("{}/{licence}", member.dir);
        // A link to it, as a checkout has it; where links cannot be made, git writes their target as text.
        if text_of(&own).is_none_or(|text| Some(text) != text_of(licence) && !text.ends_with(licence)) {
            problems.push(Problem::new(own, format!("is not the root's {licence}; make it a link to that")));
        }
    }
    let readme = format!("{}/README.md", member.dir);
    for (index, line) in text_of(&readme).unwrap_or_default().lines().enumerate() {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !(target.starts_with('#') || target.contains("://"))) {
            let text = format!("links to `{target}`, which is not where the package is read; name it instead");
            problems.push(Problem::at_line(&readme, index, text));
        }
    }
    problems
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim);
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

/// Clippy reads only the nearest `clippy.toml` upwards, so one further down replaces the root's:
/// it must repeat the root's settings, and its bans must not reach crates filed below it.
fn check_clippy(crates: &[Crate], files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(root) = files.iter().find(|file| file.path == CLIPPY) else {
        return vec![Problem::new(CLIPPY, "is missing")];
    };
    let own = |dir: &str| files.iter().find(|file| file.path == format!("{dir}/{CLIPPY}"));
    for member in crates {
        let dir = &member.dir;
        match own(dir) {
            Some(nested) => {
                let settings = root.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
                for missing in settings.filter(|setting| !nested.text.lines().any(|line| line == *setting)) {
                    let text = format!("lacks `{missing}` of the root's {CLIPPY}, which it replaces");
                    problems.push(Problem::new(&nested.path, text));
                }
            }
            None => {
                let parents = crates.iter().filter(|other| dir.starts_with(&format!("{}/", other.dir)));
                for parent in parents.filter(|parent| own(&parent.dir).is_some()) {
                    let text = format!("is under the bans of {}/{CLIPPY}; give it its own", parent.dir);
                    problems.push(Problem::new(dir, text));
                }
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::text_file;

    const LINTED: &str = "[package]\n[lints]\nworkspace = true\n";

    fn member(dir: &str, description: Option<&str>) -> Crate {
        Crate { dir: dir.into(), description: description.map(str::to_owned), ..Crate::default() }
    }

    fn texts(crates: &[Crate], files: &[TextFile]) -> Vec<String> {
        check(crates, files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_complete_crate_passes() {
        let files = [text_file("a/Cargo.toml", LINTED), text_file("a/README.md", "# a\n"), text_file(CLIPPY, "")];
        assert_eq!(texts(&[member("a", Some("An a"))], &files), [""; 0]);
    }

    #[test]
    fn description_readme_and_lints_are_demanded() {
        let files = [text_file("a/Cargo.toml", "[package]\n[lints.rust]\n"), text_file(CLIPPY, "")];
        assert_eq!(
            texts(&[member("a", None)], &files),
            [
                "a/Cargo.toml: has no description",
                "a: has no README.md, or an empty one",
                "a/Cargo.toml: does not inherit the lints: [lints] workspace = true",
            ]
        );
    }

    #[test]
    fn a_package_brings_what_its_readers_need() {
        let mut published = member("a", Some("An a"));
        published.published = true;
        published.keywords = vec!["agent".into()];
        published.categories = vec!["filesystem".into()];
        let mut files = vec![
            text_file("a/Cargo.toml", LINTED),
            text_file("a/README.md", "[here](#a) [there](https://example.org)\n"),
            text_file(CLIPPY, ""),
        ];
        for licence in LICENCES {
            files.push(text_file(licence, "the text"));
            files.push(text_file(&format!("a/{licence}"), "the text"));
        }
        assert_eq!(texts(&[published], &files), [""; 0]);

        let mut published = member("a", Some("An a"));
        published.published = true;
        published.keywords = vec!["Two words".into()];
        published.categories = vec!["agents".into()];
        files[1].text = "See [the map](../ARCHITECTURE.md).\n".into();
        files.retain(|file| file.path != "a/LICENSE-MIT");
        let found = texts(&[published], &files).join("\n");
        for told in
            ["needs 1 to 5 keywords", "category `agents`", "a/LICENSE-MIT: is not", "README.md:1: links to `../"]
        {
            assert!(found.contains(told), "{told}: {found}");
        }
        assert_eq!(found.lines().count(), 4, "{found}");
    }

    #[test]
    fn nested_clippy_settings_repeat_the_root_and_stop_at_their_crate() {
        let crates = [member("a", Some("a")), member("a/b", Some("b"))];
        let mut files = vec![text_file(CLIPPY, "# why\nx = true\n"), text_file("a/clippy.toml", "y = 1\n")];
        let found = check_clippy(&crates, &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].to_string().starts_with("a/clippy.toml: lacks `x = true`"), "{found:?}");
        assert!(found[1].to_string().starts_with("a/b: is under the bans of a/clippy.toml"), "{found:?}");

        files[1].text = "x = true\ny = 1\n".into();
        files.push(text_file("a/b/clippy.toml", "x = true\n"));
        assert_eq!(check_clippy(&crates, &files), []);
    }
}
