//! `reach`: you compile what you pick.
//!
//! Each row of [`ROWS`] says which packages a crate must not pull in under some set of features,
//! and how many it may pull in at most. One crate is looked at a time, because features unify
//! across a selection.

use std::collections::BTreeSet;
use std::path::Path;

use crate::process;
use crate::report::{Outcome, Problem, conclude};
use crate::workspace::Workspace;

/// Clients and servers of HTTP.
const HTTP: &[&str] = &["reqwest", "hyper", "ureq", "isahc", "curl"];
/// Transport security.
const TLS: &[&str] = &["rustls", "ring", "aws-lc-rs", "native-tls", "openssl"];
/// Sockets and the event loop under them.
const SOCKETS: &[&str] = &["mio", "socket2"];
/// Calls into the host.
const HOST: &[&str] = &["nix", "rustix"];
/// Other people's file systems.
const FILES: &[&str] = &["vfs"];

/// What one crate may pull in.
struct Row {
    package: &'static str,
    features: Features,
    forbidden: &'static [&'static [&'static str]],
    ceiling: usize,
}

enum Features {
    None,
    Default,
    All,
}

impl Features {
    fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Default => "default",
            Self::All => "all",
        }
    }

    fn flags(&self) -> &'static [&'static str] {
        match self {
            Self::None => &["--no-default-features"],
            Self::Default => &[],
            Self::All => &["--all-features"],
        }
    }
}

/// Ceilings stand a little above what was counted when the row was written: a dependency that brings many others is to be
/// noticed, one more is not.
const ROWS: &[Row] = &[
    row("flue-core", Features::Default, &[HTTP, TLS, SOCKETS, HOST, FILES], 40),
    row("flue-core", Features::All, &[HTTP, TLS, SOCKETS, HOST, FILES], 85),
    row("flue-core-store-jsonl", Features::Default, &[HTTP, TLS, SOCKETS, HOST, FILES], 50),
    row("flue-core-store-postgres", Features::Default, &[HTTP, TLS, FILES], 90),
    row("flue-core-store-sqlite", Features::Default, &[HTTP, TLS, SOCKETS, HOST, FILES], 60),
    row("flue-core-testkit", Features::All, &[HTTP, TLS, SOCKETS, HOST, FILES], 60),
    row("flue-sandbox-local", Features::Default, &[HTTP, TLS, FILES], 90),
    row("flue-sandbox-remote-kit", Features::Default, &[HTTP, TLS, SOCKETS, HOST, FILES], 60),
    row("flue-sandbox-remote-kit", Features::All, &[HOST, FILES], 130),
    row("flue-sandbox-remote-cloudflare", Features::Default, &[HOST, FILES], 130),
    row("flue-sandbox-remote-daytona", Features::Default, &[HOST, FILES], 130),
    row("flue-sandbox-remote-docker", Features::Default, &[TLS, FILES], 85),
    row("flue-sandbox-remote-e2b", Features::Default, &[HOST, FILES], 130),
    row("flue-sandbox-remote-kubernetes", Features::Default, &[HOST, FILES], 190),
    row("flue-sandbox-remote-testkit", Features::Default, &[HTTP, TLS, FILES], 80),
    row("flue-sandbox-remote-ssh", Features::Default, &[HTTP, FILES], 160),
    row("flue-sandbox-remote", Features::None, &[HTTP, TLS, SOCKETS, HOST, FILES], 60),
    row("flue-sandbox-remote", Features::All, &[FILES], 275),
    row("flue-sandbox-virtual", Features::Default, &[HTTP, TLS, SOCKETS, HOST], 150),
    row("flue-sandbox-virtual", Features::All, &[HOST], 195),
    row("flue-sandbox-virtual-worker", Features::Default, &[HTTP, TLS], 165),
    row("flue-models-kit", Features::All, &[HOST, FILES], 115),
    row("flue-models-anthropic", Features::All, &[HOST, FILES], 115),
    row("flue-models-bedrock", Features::Default, &[HOST, FILES], 115),
    row("flue-models-bedrock", Features::All, &[HOST, FILES], 135),
    row("flue-models-google", Features::All, &[HOST, FILES], 115),
    row("flue-models-openai", Features::All, &[HOST, FILES], 115),
    row("flue-models-scripted", Features::All, &[HTTP, TLS, SOCKETS, HOST, FILES], 50),
    row("flue-models-wrap", Features::All, &[HTTP, TLS, SOCKETS, HOST, FILES], 60),
    row("flue-models", Features::None, &[HTTP, TLS, SOCKETS, HOST, FILES], 45),
    row("flue-models", Features::All, &[HOST, FILES], 140),
    row("flue-cli", Features::None, &[HTTP, TLS, HOST, FILES], 75),
    row("flue-cli", Features::Default, &[], 275),
    row("xtask", Features::Default, &[HTTP, TLS, SOCKETS, HOST, FILES], 10),
    row("xtask-bench", Features::Default, &[], 220),
    row("xtask-drive", Features::Default, &[], 200),
];

const fn row(
    package: &'static str,
    features: Features,
    forbidden: &'static [&'static [&'static str]],
    ceiling: usize,
) -> Row {
    Row { package, features, forbidden, ceiling }
}

/// Runs the task.
pub(crate) fn run(_args: &[String]) -> Outcome {
    let workspace = Workspace::load()?;
    let mut problems: Vec<Problem> = workspace
        .crates
        .iter()
        .filter(|member| !ROWS.iter().any(|row| row.package == member.name))
        .map(|member| Problem::new(&member.name, "has no row in xtask/src/reach.rs"))
        .collect();

    println!("{:<24} {:<8} {:>8} {:>7}  verdict", "crate", "features", "packages", "ceiling");
    for row in ROWS {
        let tree = tree(&workspace.root, row)?;
        let packages = parse(&tree);
        let found = judge(row, &packages);
        let verdict = if found.is_empty() { "ok".into() } else { found.join("; ") };
        println!("{:<24} {:<8} {:>8} {:>7}  {verdict}", row.package, row.features.name(), packages.len(), row.ceiling,);
        problems.extend(found.iter().map(|text| {
            let why = format!("{text}; see `cargo {}`", arguments(row).join(" "));
            Problem::new(row.package, why)
        }));
    }
    println!();
    conclude("reach", problems)
}

fn arguments(row: &Row) -> Vec<&'static str> {
    let mut args = vec!["tree", "-p", row.package, "-e", "normal"];
    args.extend(row.features.flags());
    args
}

fn tree(root: &Path, row: &Row) -> Outcome<String> {
    let mut args = arguments(row);
    args.extend(["--prefix", "none", "--format", "{p}"]);
    process::capture(process::cargo(root, &args))
}

/// The packages of a tree as `name version`: cargo prints one a line, and marks with `(*)` those
/// it has already shown.
fn parse(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect()
}

fn judge(row: &Row, packages: &BTreeSet<(&str, &str)>) -> Vec<String> {
    let mut found: Vec<String> = row
        .forbidden
        .iter()
        .copied()
        .flatten()
        .filter(|name| packages.iter().any(|(package, _)| package == *name))
        .map(|name| format!("pulls in {name}"))
        .collect();
    if packages.len() > row.ceiling {
        found.push(format!("{} packages, ceiling {}", packages.len(), row.ceiling));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
flue-models v0.1.0 (/repo/flue-models)
async-trait v0.1.89 (proc-macro)
syn v2.0.1
syn v1.0.9
hyper v1.6.0
syn v2.0.1 (*)

";

    fn models(forbidden: &'static [&'static [&'static str]], ceiling: usize) -> Row {
        row("flue-models", Features::None, forbidden, ceiling)
    }

    #[test]
    fn repeats_count_once_and_versions_count_apart() {
        let packages = parse(TREE);
        assert_eq!(packages.len(), 5);
        assert!(packages.contains(&("syn", "v1.0.9")) && packages.contains(&("syn", "v2.0.1")));
        assert!(packages.contains(&("flue-models", "v0.1.0")));
    }

    #[test]
    fn forbidden_packages_and_the_ceiling_are_judged() {
        let packages = parse(TREE);
        assert_eq!(judge(&models(&[SOCKETS, HOST], 5), &packages), [""; 0]);
        assert_eq!(judge(&models(&[SOCKETS, HTTP], 5), &packages), ["pulls in hyper"]);
        assert_eq!(judge(&models(&[], 4), &packages), ["5 packages, ceiling 4"]);
    }

    #[test]
    fn a_name_that_only_starts_alike_is_not_forbidden() {
        let packages = parse("flue v0.1.0\nhyper-util v0.1.0\n");
        assert_eq!(judge(&models(&[HTTP], 9), &packages), [""; 0]);
    }
}
