//! Drives the harness through one hard case, against a model server that is not Flue's: see the README.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to whoever started it")]

mod cases;
mod seen;

use std::path::Path;
use std::process::ExitCode;

use flue_core::{Error, ErrorKind, Result};

use crate::cases::Case;

/// Exit code when the case does not hold.
const FAILED: u8 = 1;
/// Exit code of a command line that could not be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let [case, model, dir] = &args[..] else {
        eprintln!("usage: xtask-drive CASE MODEL DIR\ncases: {}", cases::NAMES.join(" "));
        return ExitCode::from(USAGE);
    };
    match drive(case, model, Path::new(dir)) {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{case}: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn drive(name: &str, model: &str, dir: &Path) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| wrong("the runtime does not start").with_source(error))?;
    runtime.block_on(Case { name, model: flue_models::open(model)?, dir }.run())
}

/// The error of a case that does not hold.
fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Internal, "drive", what.into())
}
