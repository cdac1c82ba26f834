//! `layers`: the tree says what depends on what.
//!
//! A crate is called what its path is; a dependency points to a crate of a strictly lower rank, so equals never meet; every
//! manifest is a member of the workspace; the top level holds nothing but what is listed here.

use std::collections::BTreeMap;

use crate::report::{Outcome, Problem, conclude};
use crate::workspace::{Crate, Workspace};
use crate::{files, fuzz};

/// What may stand at the top level beside dot files.
const TOP_DIRECTORIES: &[&str] = &[
    "flue-core",
    "flue-sandbox-virtual",
    "flue-sandbox-local",
    "flue-sandbox-remote",
    "flue-models",
    "flue-cli",
    "xtask",
];
/// Files that tools or readers look for at the top level.
const TOP_FILES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "rustfmt.toml",
];

/// Crates that are workspaces of their own.
const STANDALONE: &[&str] = &[fuzz::CRATE];

/// Runs the task.
pub(crate) fn run(_args: &[String]) -> Outcome {
    let workspace = Workspace::load()?;
    let mut problems = check_crates(&workspace.crates);
    problems.extend(check_manifests(&workspace.crates, &files::walk(&workspace.root)?));
    problems.extend(check_top_level(&files::entries(&workspace.root)?));
    conclude("layers", problems)
}

/// Whether something of this name is meant to stand at the top level.
pub(crate) fn is_top_directory(name: &str) -> bool {
    TOP_DIRECTORIES.contains(&name)
}

/// How high a crate stands, by where it lives.
fn rank(dir: &str) -> Option<u8> {
    let rank = match dir {
        "flue-core" => 0,
        "flue-sandbox-virtual" | "flue-sandbox-local" => 2,
        "flue-models" | "flue-sandbox-remote" | "flue-sandbox-virtual/worker" => 3,
        "flue-cli" => 4,
        "xtask" => 5,
        _ => match dir.split_once('/')? {
            (_, child) if child.contains('/') => return None,
            ("flue-core", _) | (_, "kit") => 1,
            ("flue-models" | "flue-sandbox-remote", _) => 2,
            ("xtask", _) => 5,
            _ => return None,
        },
    };
    Some(rank)
}

fn check_crates(crates: &[Crate]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let ranks: BTreeMap<&str, u8> = crates.iter().filter_map(|c| Some((c.name.as_str(), rank(&c.dir)?))).collect();
    for Crate { name, dir, dependencies, published, .. } in crates {
        let by_path = dir.replace('/', "-");
        if *name != by_path {
            problems.push(Problem::new(dir, format!("the crate is called `{name}`; its path says `{by_path}`")));
        }
        let Some(own) = ranks.get(name.as_str()) else {
            problems.push(Problem::new(dir, "has no rank; give it one in xtask/src/layers.rs"));
            continue;
        };
        for dependency in dependencies {
            let to = &dependency.name;
            let Some(other) = ranks.get(to.as_str()) else {
                problems.push(Problem::new(dir, format!("depends by path on `{to}`, which is no ranked crate here")));
                continue;
            };
            match (dependency.dev, dependency.versioned) {
                (false, _) if other >= own => problems.push(Problem::new(
                    dir,
                    format!("depends on `{to}`: rank {own} on rank {other}; dependencies point strictly down"),
                )),
                (false, false) if *published => {
                    problems.push(Problem::new(
                        dir,
                        format!("depends on `{to}` without a version; it cannot be published"),
                    ));
                }
                // Cargo drops a dev-dependency without a version when it publishes. One with a version would have to be
                // published first, which nothing at or above the crate itself can be.
                (true, true) if other >= own => problems.push(Problem::new(
                    dir,
                    format!("dev-depends on `{to}` with a version, though it is not below; name its path alone"),
                )),
                _ => {}
            }
        }
    }
    problems
}

fn check_manifests(crates: &[Crate], files: &[String]) -> Vec<Problem> {
    files
        .iter()
        .filter_map(|path| path.strip_suffix("/Cargo.toml"))
        .filter(|dir| !crates.iter().any(|c| c.dir == *dir) && !STANDALONE.contains(dir))
        .map(|dir| Problem::new(format!("{dir}/Cargo.toml"), "is not a member of the workspace; list it in Cargo.toml"))
        .collect()
}

fn check_top_level(entries: &[(String, bool)]) -> Vec<Problem> {
    entries
        .iter()
        .filter(|(name, is_dir)| {
            let allowed = if *is_dir { TOP_DIRECTORIES } else { TOP_FILES };
            !(name.starts_with('.') || name == files::BUILD_DIRECTORY || allowed.contains(&name.as_str()))
        })
        .map(|(name, _)| Problem::new(name, "does not belong at the top level; file it under the crate it serves"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn member(dir: &str, dependencies: &[(&str, bool, bool)]) -> Crate {
        let dependencies = dependencies
            .iter()
            .map(|&(name, dev, versioned)| Dependency { name: name.into(), dev, versioned })
            .collect();
        Crate { name: dir.replace('/', "-"), dir: dir.into(), dependencies, published: true, ..Crate::default() }
    }

    fn texts(problems: &[Problem]) -> String {
        problems.iter().map(|problem| format!("{problem}\n")).collect()
    }

    #[test]
    fn ranks_follow_the_path() {
        let expected = [
            ("flue-core", Some(0)),
            ("flue-core/testkit", Some(1)),
            ("flue-models/kit", Some(1)),
            ("flue-sandbox-remote/kit", Some(1)),
            ("flue-models/openai", Some(2)),
            ("flue-sandbox-virtual", Some(2)),
            ("flue-sandbox-virtual/worker", Some(3)),
            ("flue-models", Some(3)),
            ("flue-cli", Some(4)),
            ("xtask", Some(5)),
            ("xtask/bench", Some(5)),
            ("flue-cli/plugin", None),
            ("flue-models/openai/deep", None),
            ("elsewhere", None),
        ];
        for (dir, rank) in expected {
            assert_eq!(super::rank(dir), rank, "{dir}");
        }
    }

    #[test]
    fn downward_edges_pass() {
        let crates = [
            member("flue-core", &[("flue-core-testkit", true, false)]),
            member("flue-core/testkit", &[("flue-core", false, true)]),
            member("flue-models/openai", &[("flue-core", false, true), ("flue-core-testkit", true, true)]),
            member("flue-models", &[("flue-models-openai", false, true)]),
        ];
        assert_eq!(check_crates(&crates), []);
    }

    #[test]
    fn upward_and_sideways_edges_fail() {
        let crates = [
            member("flue-core", &[("flue-models", false, true)]),
            member("flue-models/openai", &[("flue-models-anthropic", false, true)]),
            member("flue-models/anthropic", &[]),
            member("flue-models", &[]),
        ];
        let found = texts(&check_crates(&crates));
        assert!(found.contains("flue-core: depends on `flue-models`: rank 0 on rank 3"), "{found}");
        assert!(found.contains("depends on `flue-models-anthropic`: rank 2 on rank 2"), "{found}");
    }

    #[test]
    fn versions_stand_where_publishing_needs_them() {
        let crates = [
            member("flue-core", &[("flue-core-testkit", true, true)]),
            member("flue-core/testkit", &[("flue-core", false, false)]),
            Crate { published: false, ..member("xtask", &[("flue-core", false, false)]) },
        ];
        let found = texts(&check_crates(&crates));
        assert!(!found.contains("xtask"), "{found}");
        assert!(found.contains("flue-core: dev-depends on `flue-core-testkit` with a version"), "{found}");
        assert!(found.contains("flue-core/testkit: depends on `flue-core` without a version"), "{found}");
    }

    #[test]
    fn names_and_ranks_are_demanded() {
        let mut misnamed = member("flue-models/openai", &[]);
        misnamed.name = "flue-openai".into();
        let found = texts(&check_crates(&[misnamed, member("flue-extra", &[])]));
        assert!(found.contains("called `flue-openai`; its path says `flue-models-openai`"), "{found}");
        assert!(found.contains("flue-extra: has no rank"), "{found}");
    }

    #[test]
    fn strays_are_found() {
        let crates = [member("flue-core", &[])];
        let files = ["Cargo.toml", "flue-core/Cargo.toml", "flue-core/lost/Cargo.toml"].map(String::from);
        assert!(texts(&check_manifests(&crates, &files)).starts_with("flue-core/lost/Cargo.toml: is not a member"));

        let entries = [
            ("flue-core", true),
            (".ci", true),
            ("target", true),
            ("README.md", false),
            ("docs", true),
            ("a.txt", false),
        ]
        .map(|(name, is_dir)| (name.to_owned(), is_dir));
        let found = texts(&check_top_level(&entries));
        assert_eq!(found.lines().count(), 2, "{found}");
        assert!(found.contains("docs: ") && found.contains("a.txt: "), "{found}");
    }
}
