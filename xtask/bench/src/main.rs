//! What Flue costs, measured beside the least that the same job can cost. `cargo xtask bench` builds and starts this.
//!
//! One program plays every part, each in a process of its own so that its processor time is its own: the measuring
//! (`run`), the scripted model server (`serve`), and the two clients that do the job, Flue (`flue`) and the floor
//! (`floor`). The clients are told what to do by the variables of [`load`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to whoever started it")]

mod client;
mod clock;
mod codec;
mod conditions;
mod confined;
mod contained;
mod decode;
mod events;
mod load;
mod local;
mod measure;
mod parked;
mod peers;
#[cfg(feature = "remote")]
mod remote;
mod review;
mod sandbox;
mod scratch;
mod server;
mod sessions;
mod start;
mod stats;
mod store;
mod table;
mod turns;

use std::path::PathBuf;
use std::process::ExitCode;

use flue_core::{Error, ErrorKind, Result};

use crate::measure::{Bench, MEASUREMENTS, Plan};

/// Exit code when something could not be measured. A goal that is missed is a finding, not a failure.
const FAILED: u8 = 1;
/// Exit code of a command line that could not be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    flue_sandbox_virtual_worker::init();
    flue_sandbox_local::init();
    let args: Vec<String> = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            eprintln!("xtask-bench: {error:#}\n\n{}", usage());
            ExitCode::from(USAGE)
        }
        Err(error) => {
            eprintln!("xtask-bench: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((part, rest)) => match (part.as_str(), rest) {
            ("run", rest) => Bench::new(plan(rest)?)?.run(),
            ("serve", [flag, port]) if flag == "--port" => server::serve(number(port)?),
            ("flue", []) => client::flue(),
            ("floor", []) => client::floor(),
            _ => Err(misuse(format!("`{part}` is no part of this program, or takes other arguments"))),
        },
        None => Err(misuse("no part named")),
    }
}

/// What the command line asks to be measured.
fn plan(args: &[String]) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| misuse(format!("`{arg}` needs a value")));
        match arg.as_str() {
            "--flue" => plan.flue = Some(PathBuf::from(value()?)),
            "--peers" => plan.peers = Some(PathBuf::from(value()?)),
            "--runs" => plan.rounds = number::<usize>(value()?)?.max(1),
            name => match MEASUREMENTS.iter().find(|measurement| measurement.name == name) {
                Some(measurement) => plan.names.push(measurement.name),
                None => return Err(misuse(format!("there is no measurement called `{name}`"))),
            },
        }
    }
    Ok(plan)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| misuse(format!("`{text}` is not a number that can stand here")))
}

fn misuse(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, "read the command line", why.into())
}

fn usage() -> String {
    let names: Vec<_> = MEASUREMENTS.iter().map(|measurement| measurement.name).collect();
    format!(
        "usage: xtask-bench run [NAME…] [--flue PROGRAM] [--peers DIR] [--runs N]\n\
         names: {}\nexit codes: 0 all was measured, 1 something could not be, 2 usage",
        names.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_plan_is_read_from_the_command_line() {
        let plan = plan(&args("review start --runs 3 --peers there")).unwrap();
        assert_eq!((plan.names, plan.rounds), (vec!["review", "start"], 3));
        assert_eq!(plan.peers, Some(PathBuf::from("there")));
    }

    #[test]
    fn misuse_is_told_from_failure() {
        for line in ["", "nope", "run nope", "run --runs", "run --runs many", "serve", "serve --port x", "flue extra"] {
            assert_eq!(dispatch(&args(line)).unwrap_err().kind(), ErrorKind::InvalidInput, "{line}");
        }
    }
}
