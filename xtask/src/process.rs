//! Child processes: always without standard input.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::report::{Failure, Outcome};

/// A cargo command that runs in `dir`.
pub(crate) fn cargo(dir: &Path, args: &[&str]) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")), dir);
    command.args(args);
    command
}

/// A command that runs in `dir`.
pub(crate) fn program(name: impl AsRef<OsStr>, dir: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// Runs the command with its output going to ours.
pub(crate) fn run(mut command: Command) -> Outcome {
    let status = command.status().map_err(|error| cannot_start(&command, &error))?;
    check(&command, status, "")
}

/// Runs the command and returns what it printed.
pub(crate) fn capture(mut command: Command) -> Outcome<String> {
    let output = command.output().map_err(|error| cannot_start(&command, &error))?;
    check(&command, output.status, &String::from_utf8_lossy(&output.stderr))?;
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{}` printed something that is not UTF-8", describe(&command))))
}

fn check(command: &Command, status: ExitStatus, stderr: &str) -> Outcome {
    if status.success() {
        return Ok(());
    }
    let mut why = format!("`{}` failed: {status}", describe(command));
    if !stderr.trim().is_empty() {
        why = format!("{why}\n{}", stderr.trim_end());
    }
    Err(Failure::new(why))
}

fn cannot_start(command: &Command, error: &io::Error) -> Failure {
    Failure::new(format!("`{}` could not be run: {error}", describe(command)))
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
