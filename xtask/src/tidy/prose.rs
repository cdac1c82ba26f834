//! Prose: the paths it names exist, the changelog is ready for the next entry, and nothing tells
//! of the machine it was written on.

use crate::layers;
use crate::report::Problem;
use crate::tidy::TextFile;

const MAP: &str = "ARCHITECTURE.md";
const CHANGELOG: &str = "CHANGELOG.md";

/// Directories that exist on somebody's machine only.
const MACHINE_ROOTS: &[&str] = &["/work/", "/home/", "/Users/", "/root/."];

/// Home directories that are nobody's: the users of sandboxes and of providers' images, and names that documentation uses.
const NOBODY: &[&str] = &["user", "daytona", "you", "me"];

pub(super) fn check(paths: &[String], files: &[TextFile]) -> Vec<Problem> {
    let mut problems = Vec::new();
    match text_of(files, MAP) {
        Some(text) => problems.extend(check_map(text, paths)),
        None => problems.push(Problem::new(MAP, "is missing")),
    }
    match text_of(files, CHANGELOG) {
        Some(text) if has_unreleased(text) => {}
        Some(_) => problems.push(Problem::new(CHANGELOG, "has no `## [Unreleased]` section")),
        None => problems.push(Problem::new(CHANGELOG, "is missing")),
    }
    for file in files.iter().filter(|file| !file.is_test()) {
        problems.extend(check_machine_paths(file));
    }
    problems
}

fn text_of<'a>(files: &'a [TextFile], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
}

fn has_unreleased(changelog: &str) -> bool {
    changelog.lines().any(|line| matches!(line.trim_end(), "## [Unreleased]" | "## Unreleased"))
}

fn check_map(text: &str, paths: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let spans = line.split('`').skip(1).step_by(2);
        for span in spans.filter(|span| looks_like_path(span)) {
            let name = span.trim_end_matches('/');
            let below = format!("{name}/");
            if !paths.iter().any(|path| path == name || path.starts_with(&below)) {
                let text = format!("`{span}` does not exist; paths start at the repository's root");
                problems.push(Problem::at_line(MAP, index, text));
            }
        }
    }
    problems
}

/// Whether a code span means a file or directory of ours, rather than code or an example.
fn looks_like_path(span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let Some((top, rest)) = span.split_once('/') else {
        return false;
    };
    let ours = layers::is_top_directory(top) || (top.len() > 1 && top.starts_with('.'));
    let source = span.ends_with(".rs") && !top.is_empty();
    span.chars().all(plain) && !rest.starts_with('/') && top != ".." && (ours || source)
}

fn check_machine_paths(file: &TextFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for root in MACHINE_ROOTS {
            for (at, _) in line.match_indices(root) {
                if starts_path(&line[..at]) && names_somebody(root, &line[at + root.len()..]) {
                    let text = format!("`{root}…` names a directory of somebody's machine");
                    problems.push(Problem::at_line(&file.path, index, text));
                }
            }
        }
    }
    problems
}

/// False if what stands before makes this the middle of a longer path or address.
fn starts_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || "._-~}>)*".contains(c))
}

fn names_somebody(root: &str, after: &str) -> bool {
    let end = after.find(|c: char| !(c.is_alphanumeric() || "._-".contains(c))).unwrap_or(after.len());
    let name = &after[..end];
    let nobody = root == "/home/" && NOBODY.contains(&name);
    !(name.is_empty() || nobody)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::text_file;

    #[test]
    fn paths_in_the_map_must_exist() {
        let paths = ["flue-core/src/turn.rs", ".ci/run", "xtask/Cargo.toml"].map(String::from);
        let good = "`flue-core/src/turn.rs` `flue-core/` `.ci/run` `xtask/` `flue-core` `anthropic/claude` `/workspace` `a::b`\n";
        assert_eq!(check_map(good, &paths), []);
        let bad = "\n`flue-core/src/loop.rs` and `src/turn.rs`, `flue-models/`\n```\n`xtask/gone.rs`\n```\n";
        let found: Vec<String> = check_map(bad, &paths).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|text| text.starts_with("ARCHITECTURE.md:2: ")), "{found:?}");
    }

    #[test]
    fn the_changelog_has_a_place_for_the_next_entry() {
        assert!(has_unreleased("# Changelog\n\n## [Unreleased]\n"));
        assert!(has_unreleased("## Unreleased\n"));
        assert!(!has_unreleased("# Changelog\n\nUnreleased things.\n"));
    }

    #[test]
    fn machine_paths_are_found() {
        let of = |text: &str| check_machine_paths(&text_file("a.md", text)).len();
        assert_eq!(of(concat!("see /", "work/main/x and /", "home/alice/y\n")), 2);
        assert_eq!(of(concat!("(\"/", "Users/bob\")\n")), 1);
        assert_eq!(of("/workspace/a /home/user/x /home/ /home/$USER https://example.org/work/a src/work/b /home\n"), 0);
    }

    #[test]
    fn missing_files_are_named() {
        let found: Vec<String> = check(&[], &[]).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["ARCHITECTURE.md: is missing", "CHANGELOG.md: is missing"]);
    }
}
