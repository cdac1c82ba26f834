//! `bench`: builds `flue` and the program that measures it, and starts the latter; or measures what building takes.

mod build;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// The program under measurement and the one that measures, as cargo calls them.
const FLUE: &str = "flue";
const BENCH: &str = "xtask-bench";
/// Both in one call: they are to share what they are made of.
const BUILD: [&str; 6] = ["build", "--release", "--package", "flue-cli", "--package", "xtask-bench"];
/// The measurement that links every adapter, and the feature that has it. It needs no `flue`.
const REMOTE: &str = "remote";
const BUILD_REMOTE: [&str; 6] = ["build", "--release", "--package", "xtask-bench", "--features", REMOTE];

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let workspace = Workspace::load()?;
    if let Some(sets) = args.strip_prefix(&["build".to_owned()]) {
        return build::run(&workspace, sets);
    }
    let is_remote = args.iter().any(|arg| arg == REMOTE);
    let what = if is_remote { BUILD_REMOTE } else { BUILD };
    let build = |more: &[&str]| process::cargo(&workspace.root, &[&what[..], more].concat());
    process::run(build(&[]))?;
    // Built already: this asks where.
    let artifacts = process::capture(build(&["--message-format", "json"]))?;
    let mut command = Command::new(find(&artifacts, BENCH)?);
    command.arg("run");
    if !is_remote {
        command.args([OsStr::new("--flue"), find(&artifacts, FLUE)?.as_os_str()]);
    }
    command.args(args);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("bench: {status}"))),
        Err(error) => Err(Failure::new(format!("bench: the program that was built cannot be started: {error}"))),
    }
}

/// Where cargo put a program, by its messages: a line of JSON each.
fn find(artifacts: &str, name: &str) -> Outcome<PathBuf> {
    artifacts
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message["target"]["name"] == name && message["executable"].is_string())
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failure::new(format!("bench: cargo built no program called `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_what_cargo_built() {
        let artifacts = r#"{"reason":"compiler-artifact","target":{"name":"flue"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"flue"},"executable":"/t/release/flue"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(find(artifacts, "flue").expect("it is there"), PathBuf::from("/t/release/flue"));
        assert!(find(artifacts, "xtask-bench").is_err());
    }
}
