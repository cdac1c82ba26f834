//! The tests of the workspace: cargo builds them, and they are run two programs at a time.
//!
//! The adapters of remote sandboxes spend most of their time waiting for the servers that they are tried against. They stand
//! at one end of a queue, everything else at the other, and one of two workers takes from each end.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use serde_json::Value;

use crate::process;
use crate::report::{Failure, Outcome};

/// How the names of crates begin whose tests wait for servers.
const WAITING: &str = "flue-sandbox-remote";

/// The most that is kept of what a test program prints.
const MAX_OUTPUT_BYTES: u64 = 64 << 20;

/// A test program.
#[derive(Debug, PartialEq, Eq)]
struct Binary {
    /// What it is made of, such as `flue-core tests/it/main.rs`.
    name: String,
    /// Where it runs: the directory of its crate.
    dir: PathBuf,
    program: PathBuf,
}

/// What a test program came to.
struct Ran {
    name: String,
    output: Vec<u8>,
    /// How it failed, if it did.
    failed: Option<String>,
}

/// Has cargo build what `build` says, and runs it; every line of what the programs print is shown to `watch`.
pub(super) fn run(mut build: Command, prepare: &(dyn Fn(&mut Command) + Sync), mut watch: impl FnMut(&str)) -> Outcome {
    build.args(["--no-run", "--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let mut queue = binaries(&process::capture(build)?);
    queue.sort_by_key(|binary| !binary.name.starts_with(WAITING));
    let queue = Mutex::new(VecDeque::from(queue));
    let (tell, hear) = mpsc::channel();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        for end in [VecDeque::pop_front, VecDeque::pop_back] {
            let (tell, queue) = (tell.clone(), &queue);
            scope.spawn(move || {
                let next = || end(&mut queue.lock().unwrap_or_else(PoisonError::into_inner));
                // Nobody hears it any more only when this program ends.
                std::iter::from_fn(next).map(|binary| binary.run(prepare)).try_for_each(|ran| tell.send(ran))
            });
        }
        drop(tell);
        for ran in hear {
            println!("\n    Finished {}", ran.name);
            // What cannot be shown is counted all the same.
            let _ = std::io::stdout().write_all(&ran.output);
            String::from_utf8_lossy(&ran.output).lines().for_each(&mut watch);
            failed.extend(ran.failed.map(|why| format!("{}: {why}", ran.name)));
        }
    });
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed:\n  {}", failed.join("\n  ")))) }
}

impl Binary {
    fn run(self, prepare: &dyn Fn(&mut Command)) -> Ran {
        // Before it may hang.
        println!("     Running {}", self.name);
        let mut output = Vec::new();
        let failed = self.start(prepare, &mut output).unwrap_or_else(|error| Some(error.to_string()));
        Ran { name: self.name, output, failed }
    }

    fn start(&self, prepare: &dyn Fn(&mut Command), output: &mut Vec<u8>) -> std::io::Result<Option<String>> {
        let (mut reader, writer) = std::io::pipe()?;
        let mut command = process::program(&self.program, &self.dir);
        prepare(&mut command);
        command.env("CARGO_MANIFEST_DIR", &self.dir).stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn()?;
        // It holds the ends for writing, and the output does not end before they are gone.
        drop(command);
        Read::by_ref(&mut reader).take(MAX_OUTPUT_BYTES).read_to_end(output)?;
        // It goes on all the same.
        std::io::copy(&mut reader, &mut std::io::sink())?;
        let status = child.wait()?;
        Ok((!status.success()).then(|| status.to_string()))
    }
}

/// The test programs that cargo built, by its messages: a line of JSON each.
fn binaries(messages: &str) -> Vec<Binary> {
    let mut seen = BTreeSet::new();
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let tests = artifacts.filter(|message| message["profile"]["test"] == true).filter_map(|message| {
        let dir = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
        let source = Path::new(message["target"]["src_path"].as_str()?);
        let package = package(message["package_id"].as_str()?);
        let name = format!("{package} {}", source.strip_prefix(&dir).unwrap_or(source).display());
        Some(Binary { name, dir, program: message["executable"].as_str()?.into() })
    });
    tests.filter(|binary| seen.insert(binary.program.clone())).collect()
}

/// The name in a package's identifier, `path+file:///dir/name#0.1.0` or `path+file:///dir#name@0.1.0`.
fn package(id: &str) -> &str {
    let (before, after) = id.rsplit_once('#').unwrap_or((id, id));
    after.split_once('@').map_or_else(|| before.rsplit('/').next().unwrap_or(before), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_among_what_cargo_built() {
        let messages = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/core#flue-core@0.1.0","manifest_path":"/w/core/Cargo.toml","target":{"src_path":"/w/core/tests/it/main.rs"},"profile":{"test":true},"executable":"/t/it-1"}
{"reason":"compiler-artifact","package_id":"path+file:///w/core#flue-core@0.1.0","manifest_path":"/w/core/Cargo.toml","target":{"src_path":"/w/core/src/lib.rs"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///w/xtask#0.1.0","manifest_path":"/w/xtask/Cargo.toml","target":{"src_path":"/w/xtask/src/main.rs"},"profile":{"test":true},"executable":"/t/x-2"}
{"reason":"build-finished","success":true}"#;
        let found: Vec<_> = binaries(messages).into_iter().map(|b| (b.name, b.dir, b.program)).collect();
        let expected =
            [("flue-core tests/it/main.rs", "/w/core", "/t/it-1"), ("xtask src/main.rs", "/w/xtask", "/t/x-2")];
        assert_eq!(found, expected.map(|(name, dir, program)| (name.to_owned(), dir.into(), program.into())));
    }

    #[test]
    fn a_program_that_fails_says_how_and_keeps_its_output() {
        let binary = |script: &str| Binary {
            name: "a".to_owned(),
            dir: "/".into(),
            program: std::env::current_exe().expect("this program").with_file_name(script),
        };
        let ran = binary("no-such-program").run(&|_| {});
        assert!(ran.failed.is_some_and(|why| why.contains("No such file")));
        let shell = Binary { program: "sh".into(), ..binary("") };
        let ran = shell.run(&|command| {
            command.args(["-c", "echo out; echo err >&2; exit 3"]);
        });
        assert_eq!(
            (String::from_utf8_lossy(&ran.output).as_ref(), ran.failed.as_deref()),
            ("out\nerr\n", Some("exit status: 3"))
        );
    }
}
