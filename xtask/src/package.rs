//! `package`: every crate packs, and what was packed compiles without this repository around it.
//!
//! The packages are unpacked into a workspace of their own, in which they stand for each other as a registry would serve
//! them. It has this one's lock file, profiles and build directory, so that only our own crates are compiled again. That
//! each crate compiles alone with any of its features is what the step `features` of `ci` shows.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::BUILD_DIRECTORY;
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::{Crate, Workspace};

/// Where the packages are unpacked, below the build directory.
const UNPACKED: &str = "unpacked";

/// What every package holds, beside its sources.
const CONTENT: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Runs the task.
pub(crate) fn run(_args: &[String]) -> Outcome {
    let workspace = Workspace::load()?;
    let published: Vec<&Crate> = workspace.crates.iter().filter(|member| member.published).collect();
    pack(&workspace)?;
    let target = workspace.root.join(BUILD_DIRECTORY);
    let unpacked = target.join(UNPACKED);
    unpack(&workspace.root, &published, &unpacked).map_err(|error| failed("unpack", &error))?;
    for member in &published {
        let dir = unpacked.join(directory(member));
        for name in CONTENT {
            if fs::read_to_string(dir.join(name)).map_or(true, |text| text.trim().is_empty()) {
                return Err(Failure::new(format!("package: {} has no {name}, or an empty one", member.name)));
            }
        }
    }
    let mut check = process::cargo(&unpacked, &["check", "--workspace", "--all-features"]);
    check.env("CARGO_TARGET_DIR", &target);
    process::run(check)?;
    println!("{} packages, unpacked in {BUILD_DIRECTORY}/{UNPACKED}, compile", published.len());
    Ok(())
}

/// Makes the packages of all crates that are published, in the build directory.
pub(crate) fn pack(workspace: &Workspace) -> Outcome {
    let mut args = vec!["package", "--quiet", "--workspace", "--no-verify", "--allow-dirty"];
    for kept in workspace.crates.iter().filter(|member| !member.published) {
        args.extend(["--exclude", &kept.name]);
    }
    // Cargo warns of addresses that a manifest may have; there are none to name. What is wrong is still an error. Offline
    // does where anything was built before, and takes a tenth of the time.
    let offline = [&args[..], &["--offline"]].concat();
    process::capture(process::cargo(&workspace.root, &offline))
        .or_else(|_| process::capture(process::cargo(&workspace.root, &args)))
        .map(drop)
}

/// What cargo calls a crate's package.
fn directory(member: &Crate) -> String {
    format!("{}-{}", member.name, member.version)
}

/// Unpacks the packages, and makes a workspace of them in which each stands for what the others ask a registry for.
fn unpack(root: &Path, published: &[&Crate], to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for member in published {
        let archive = root.join(BUILD_DIRECTORY).join("package").join(format!("{}.crate", directory(member)));
        let status = Command::new("tar").arg("-xzf").arg(&archive).current_dir(to).stdin(Stdio::null()).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("tar -xzf {}: {status}", archive.display())));
        }
    }
    fs::copy(root.join("Cargo.lock"), to.join("Cargo.lock"))?;
    fs::write(to.join("Cargo.toml"), manifest(published, &fs::read_to_string(root.join("Cargo.toml"))?))
}

/// The manifest of the workspace of packages, with the profiles of the root manifest.
fn manifest(published: &[&Crate], root: &str) -> String {
    let mut text = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n\n[patch.crates-io]\n");
    for member in published {
        text.push_str(&format!("{} = {{ path = \"{}\" }}\n", member.name, directory(member)));
    }
    let profiles = root.find("\n[profile.").map(|at| &root[at..]);
    text + profiles.unwrap_or_default()
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::new(format!("package: {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_stand_for_each_other_under_the_same_profiles() {
        let core = Crate { name: "flue-core".into(), version: "0.2.0".into(), ..Crate::default() };
        let text = manifest(&[&core], "[workspace]\n\n[profile.dev]\ndebug = false\n");
        assert!(text.contains("\nflue-core = { path = \"flue-core-0.2.0\" }\n"), "{text}");
        assert!(text.ends_with("\n[profile.dev]\ndebug = false\n"), "{text}");
    }
}
