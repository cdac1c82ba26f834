//! The real model makes a failing test pass, held by the kernel; what it changed comes out as a patch.
//!
//! A model this small does not find the mistake. The repository has a target that mends it, and the model has to see that there
//! is a tool, and call it with what it was asked to run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::job::Job;
use super::server::Server;
use super::wires::Wire;
use crate::report::{Failure, Outcome};

/// How often the model may run something else.
pub(super) const TRIES: u32 = 8;
/// Only one tool, and nothing else to read: so much a small model sees.
const AGENT: &str = "---\ntools: [bash]\n---\n";
pub(super) const PROMPT: &str = "Run make fix";
pub(super) const FILES: [(&str, &str); 3] = [
    ("add.py", "def add(a, b):\n    return a - b\n"),
    (
        "test_add.py",
        "import unittest\n\nfrom add import add\n\n\nclass Add(unittest.TestCase):\n    def test_add(self):\n        \
         self.assertEqual(add(2, 3), 5)\n",
    ),
    ("Makefile", "fix:\n\tsed -i s/-/+/ add.py\n"),
];

/// Plays it over one wire.
pub(super) fn fixed_under_confinement(job: &Job, server: &Server, wire: &Wire) -> Outcome {
    let case = format!("{}, {}, a test mended under confinement", server.name, wire.name);
    if !is_confined_here(&job.flue) {
        println!("skip  {case}: nothing can be confined on this machine");
        return Ok(());
    }
    let agent = agent(job)?;
    let patch = job.scratch.join("fix.patch");
    let [agent, patch_to] = [&agent, &patch].map(|path| path.display().to_string());
    for attempt in 1..=TRIES {
        let repository = repository(job)?;
        let cwd = repository.display().to_string();
        let place = ["--sandbox", "local:confined", "--cwd", &cwd, "--patch", &patch_to];
        let args = [&[&agent, "-m", PROMPT][..], &place].concat();
        let output = job.run(wire, server, &args)?;
        if tests_pass(&repository)? {
            return Err(Failure::new(format!("{case}: the repository itself was changed")));
        }
        if !output.status.success() || fs::metadata(&patch).is_ok_and(|patch| patch.len() == 0) {
            continue;
        }
        git(&repository, &["apply", &patch_to])?;
        if tests_pass(&repository)? {
            println!("ok    {case}: at try {attempt}; its patch applies with git");
            return Ok(());
        }
    }
    Err(Failure::new(format!("{case}: not in {TRIES} tries")))
}

/// The file of the agent that does it.
pub(super) fn agent(job: &Job) -> Outcome<PathBuf> {
    let agent = job.scratch.join("fixer.md");
    write(&agent, AGENT)?;
    Ok(agent)
}

/// A repository with a test that fails.
pub(super) fn repository(job: &Job) -> Outcome<PathBuf> {
    let dir = job.scratch.join("fix");
    let _ = fs::remove_dir_all(&dir);
    let _ = fs::remove_file(job.scratch.join("fix.patch"));
    fs::create_dir_all(&dir).map_err(|error| Failure::new(format!("{}: {error}", dir.display())))?;
    for (name, text) in FILES {
        write(&dir.join(name), text)?;
    }
    git(&dir, &["init", "-q"])?;
    if tests_pass(&dir)? {
        return Err(Failure::new(format!("{}: the test passes before it was mended", dir.display())));
    }
    Ok(dir)
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::write(path, text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

pub(super) fn tests_pass(repository: &Path) -> Outcome<bool> {
    let mut command = Command::new("python3");
    command.args(["-B", "-m", "unittest", "-q"]).current_dir(repository);
    ended_well(command)
}

fn git(repository: &Path, args: &[&str]) -> Outcome {
    let mut command = Command::new("git");
    command.args(args).current_dir(repository);
    if ended_well(command)? { Ok(()) } else { Err(Failure::new(format!("git {}: failed", args.join(" ")))) }
}

fn is_confined_here(flue: &Path) -> bool {
    let mut command = Command::new(flue);
    command.args(["exec", "--sandbox", "local:confined", "true"]).current_dir(std::env::temp_dir());
    ended_well(command).unwrap_or(false)
}

fn ended_well(mut command: Command) -> Outcome<bool> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(Failure::new(format!("{}: {error}", command.get_program().to_string_lossy()))),
    }
}
