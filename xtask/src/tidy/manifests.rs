//! Manifests and what stands beside them.

use crate::report::Problem;
use crate::tidy::TextFile;
use crate::workspace::Crate;

const CLIPPY: &str = "clippy.toml";

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
    }
    problems.extend(check_clippy(crates, files));
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
