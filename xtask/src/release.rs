//! `release NEXT [--execute]` and `release publish [--execute]`: from the changelog to a tag, and from a tag to packages.
//!
//! Nothing is changed and nothing is sent without `--execute`: both say what they would do. The first brings every crate, the
//! lock file, the changelog and the versions that READMEs name to NEXT, and commits and tags that. The second publishes
//! what is tagged, crate by crate, so that each finds what it depends on.

mod edits;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::{Crate, Workspace};
use crate::{files, package};
use version::Version;

/// The branch that releases are made of.
const BRANCH: &str = "main";

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let usage = || Failure::Usage("`release` takes `NEXT | publish [--from CRATE]`, and `--execute`".into());
    let execute = args.iter().any(|arg| arg == "--execute");
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| *arg != "--execute").collect();
    match words[..] {
        ["publish"] => publish(&Workspace::load()?, None, execute),
        ["publish", "--from", first] => publish(&Workspace::load()?, Some(first), execute),
        [next] if !next.starts_with('-') => prepare(&Workspace::load()?, next, execute),
        _ => Err(usage()),
    }
}

/// A file as it is to become.
struct Edit {
    path: String,
    text: String,
}

/// Makes everything NEXT, and commits and tags it.
fn prepare(workspace: &Workspace, next: &str, execute: bool) -> Outcome {
    let root = &workspace.root;
    let current = current(workspace)?;
    let tags = git(root, &["tag", "--list", "v*"])?;
    let next = current.next(next).filter(|next| *next > current || !tags.lines().any(|tag| tag == current.tag()));
    let next = next.ok_or_else(|| {
        Failure::Usage(format!("NEXT is `major`, `minor`, `patch` or a version X.Y.Z; it has to come after {current}"))
    })?;
    let mut obstacles = Vec::new();
    if tags.lines().any(|tag| tag == next.tag()) {
        obstacles.push(format!("there is a tag {} already", next.tag()));
    }
    if git(root, &["branch", "--show-current"])?.trim() != BRANCH {
        obstacles.push(format!("this is not the branch {BRANCH}"));
    }
    if !git(root, &["status", "--porcelain"])?.is_empty() {
        obstacles.push("there are changes that are not committed".to_owned());
    }

    let order = order(&workspace.crates)?;
    let edits = plan(workspace, &current, &next)?;
    println!("{current} → {next}\n\nchanged:");
    edits.iter().for_each(|edit| println!("  {}", edit.path));
    println!("\ncommitted and tagged as {}; then published in this order:", next.tag());
    order.iter().for_each(|member| println!("  {}", member.name));
    println!("\npacking each of them");
    package::pack(workspace)?;
    if tags.trim().is_empty() {
        println!("there is no earlier release; all of the public API is new");
    } else {
        println!("what changed in the public API since the last tag: cargo xtask public-api");
    }

    if !execute {
        obstacles.iter().for_each(|obstacle| println!("in the way: {obstacle}"));
        println!("nothing was changed; with --execute it is");
        return Ok(());
    }
    if !obstacles.is_empty() {
        return Err(Failure::new(format!("release: {}", obstacles.join("; "))));
    }
    for Edit { path, text } in &edits {
        fs::write(root.join(path), text).map_err(|error| Failure::new(format!("release: write {path}: {error}")))?;
    }
    git(root, &["commit", "--all", "--message", &format!("release: {next}")])?;
    git(root, &["tag", "--annotate", &next.tag(), "--message", &format!("Flue {next}")])?;
    println!("{} is committed and tagged here; `cargo xtask release publish` sends it", next.tag());
    Ok(())
}

/// Sends what is tagged.
fn publish(workspace: &Workspace, first: Option<&str>, execute: bool) -> Outcome {
    let root = &workspace.root;
    let tag = current(workspace)?.tag();
    let mut order = order(&workspace.crates)?;
    if let Some(first) = first {
        let at = order.iter().position(|member| member.name == first);
        order.drain(..at.ok_or_else(|| Failure::Usage(format!("no crate that is published is called `{first}`")))?);
    }
    let tagged = git(root, &["tag", "--points-at", "HEAD"])?.lines().any(|there| there == tag);
    let clean = git(root, &["status", "--porcelain"])?.is_empty();
    if !execute {
        let mut args = vec!["publish", "--dry-run", "--no-verify", "--allow-dirty"];
        args.extend(order.iter().flat_map(|member| ["--package", &member.name]));
        process::run(process::cargo(root, &args))?;
        if !tagged {
            println!("in the way: what is here is not tagged {tag}");
        }
        println!("nothing was sent; with --execute it is, in this order:");
        order.iter().for_each(|member| println!("  {}", member.name));
        return Ok(());
    }
    if !tagged || !clean {
        return Err(Failure::new(format!("release: only what is tagged {tag}, and nothing else, is published")));
    }
    for member in order {
        let sent = process::run(process::cargo(root, &["publish", "--locked", "--package", &member.name]));
        sent.map_err(|_| {
            let name = &member.name;
            Failure::new(format!(
                "release: {name} was not published; go on with: release publish --from {name} --execute"
            ))
        })?;
    }
    Ok(())
}

/// The one version of all crates.
fn current(workspace: &Workspace) -> Outcome<Version> {
    let versions: BTreeSet<&str> = workspace.crates.iter().map(|member| member.version.as_str()).collect();
    match versions.iter().copied().collect::<Vec<_>>()[..] {
        [version] => Version::parse(version).ok_or_else(|| Failure::new(format!("release: `{version}` is not X.Y.Z"))),
        _ => Err(Failure::new(format!("release: crates have several versions: {versions:?}"))),
    }
}

/// The crates that are published, each after those that it depends on.
fn order(crates: &[Crate]) -> Outcome<Vec<&Crate>> {
    let mut left: Vec<&Crate> = crates.iter().filter(|member| member.published).collect();
    let mut order: Vec<&Crate> = Vec::new();
    while !left.is_empty() {
        // Development dependencies without a version are not part of a package.
        let waits = |member: &&Crate| {
            let needed = member.dependencies.iter().filter(|dependency| !dependency.dev || dependency.versioned);
            needed.clone().any(|dependency| left.iter().any(|other| other.name == dependency.name))
        };
        let (waiting, ready): (Vec<&Crate>, Vec<&Crate>) = left.iter().partition(|member| waits(member));
        if ready.is_empty() {
            let names: Vec<&str> = waiting.iter().map(|member| member.name.as_str()).collect();
            return Err(Failure::new(format!("release: these wait for each other: {}", names.join(", "))));
        }
        order.extend(ready);
        left = waiting;
    }
    let published = |name: &str| crates.iter().any(|other| other.name == name && other.published);
    for member in &order {
        for dependency in member.dependencies.iter().filter(|dependency| !dependency.dev) {
            if !published(&dependency.name) {
                let text = format!("release: {} needs {}, which is not published", member.name, dependency.name);
                return Err(Failure::new(text));
            }
        }
    }
    Ok(order)
}

/// Every file that has to change, as it is to become.
fn plan(workspace: &Workspace, current: &Version, next: &Version) -> Outcome<Vec<Edit>> {
    let names: Vec<&str> = workspace.crates.iter().map(|member| member.name.as_str()).collect();
    let mut edits = Vec::new();
    for path in files::walk(&workspace.root)? {
        let name = path.rsplit('/').next().unwrap_or(&path);
        if !matches!(name, "Cargo.toml" | "Cargo.lock" | "CHANGELOG.md" | "README.md") {
            continue;
        }
        let Some(text) = files::read_text(&workspace.root, &path)? else { continue };
        let edited = match name {
            "Cargo.toml" => edits::manifest(&text, &names, current, next),
            "Cargo.lock" => edits::lock(&text, &names, current, next),
            "CHANGELOG.md" => edits::changelog(&text, next, today()?.trim())?,
            _ => edits::readme(&text, &names, current, next),
        };
        if edited != text {
            edits.push(Edit { path, text: edited });
        }
    }
    Ok(edits)
}

/// The date, as YYYY-MM-DD.
fn today() -> Outcome<String> {
    let mut command = process::program("date", Path::new("."));
    command.args(["-u", "+%Y-%m-%d"]);
    process::capture(command)
}

fn git(root: &Path, args: &[&str]) -> Outcome<String> {
    let mut command = process::program("git", root);
    command.args(args);
    process::capture(command)
}
