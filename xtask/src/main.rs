//! Tasks of the Flue workspace; `cargo xtask help` lists them.
//!
//! One file a task. To add one, write a module with `pub(crate) fn run(args: &[String]) -> Outcome` and give it a line in
//! [`TASKS`].

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "tasks report to whoever started them")]

mod bench;
mod ci;
mod codegen;
mod dist;
mod files;
mod fuzz;
mod layers;
mod package;
mod peers;
mod process;
mod public_api;
mod reach;
mod release;
mod report;
mod tidy;
mod workspace;

use std::process::ExitCode;

use crate::report::{Failure, Outcome};

/// Exit code of a task that ran and found something wrong.
const FAILED: u8 = 1;
/// Exit code of a command line that could not be understood.
const USAGE: u8 = 2;

/// A subcommand.
struct Task {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Outcome,
}

const TASKS: &[Task] = &[
    Task {
        name: "bench",
        arguments: "[NAME…] [--runs N] | remote [--runs N] | build [SET…]",
        about: "what Flue costs, beside the least that the job can cost; build: what compiling it takes",
        run: bench::run,
    },
    Task {
        name: "ci",
        arguments: "[quick] [STEP…] [-k]",
        about: "every check, or the named ones; quick: those for every loop; -k: go on",
        run: ci::run,
    },
    Task {
        name: "codegen",
        arguments: "[cli | catalog [PACKAGE]] [--check]",
        about: "what is made of something else: man pages and completions, the catalogue of models",
        run: codegen::run,
    },
    Task {
        name: "dist",
        arguments: "[--check] [--target TRIPLE]",
        about: "the program as it is handed out, in tarballs; --check: built twice, compared",
        run: dist::run,
    },
    Task {
        name: "fuzz",
        arguments: "[TARGET…] [--seconds N]",
        about: "the decoders of models against inputs that reach new code; 60 seconds a target",
        run: fuzz::run,
    },
    Task {
        name: "layers",
        arguments: "",
        about: "names follow paths, dependencies point down, the top level holds what it should",
        run: layers::run,
    },
    Task {
        name: "package",
        arguments: "",
        about: "every crate packs, and the packages compile by themselves",
        run: package::run,
    },
    Task {
        name: "peers",
        arguments: "DIR [CHECK…] [--flue PROGRAM]",
        about: "every wire against the independent model servers whose start scripts are in DIR",
        run: peers::run,
    },
    Task {
        name: "public-api",
        arguments: "[--since REV] [CRATE…]",
        about: "what changed in each crate's API since the last tag; --list: all of it",
        run: public_api::run,
    },
    Task { name: "reach", arguments: "", about: "the packages each crate may pull in, and how many", run: reach::run },
    Task {
        name: "release",
        arguments: "NEXT | publish [--execute]",
        about: "versions, changelog, commit and tag, then every crate in order; shows it without --execute",
        run: release::run,
    },
    Task {
        name: "tidy",
        arguments: "",
        about: "module docs, file sizes, manifests, licences, prose that names files",
        run: tidy::run,
    },
];

fn main() -> ExitCode {
    let args: Result<Vec<String>, _> = std::env::args_os().skip(1).map(|arg| arg.into_string()).collect();
    let outcome = match args {
        Ok(args) => dispatch(&args),
        Err(arg) => Err(Failure::Usage(format!("argument is not UTF-8: {}", arg.display()))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(why)) => {
            eprintln!("xtask: {why}");
            ExitCode::from(FAILED)
        }
        Err(Failure::Usage(why)) => {
            eprintln!("xtask: {why}\n\n{}", help());
            ExitCode::from(USAGE)
        }
    }
}

fn dispatch(args: &[String]) -> Outcome {
    let Some((name, rest)) = args.split_first() else {
        return Err(Failure::Usage("no task named".into()));
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        println!("{}", help());
        return Ok(());
    }
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        return Err(Failure::Usage(format!("no task is called `{name}`")));
    };
    if task.arguments.is_empty() && !rest.is_empty() {
        return Err(Failure::Usage(format!("`{name}` takes no arguments")));
    }
    (task.run)(rest)
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask TASK\n");
    for task in TASKS {
        let call = format!("{} {}", task.name, task.arguments);
        text.push_str(&format!("\n  {:<26} {}", call, task.about));
    }
    text.push_str(&format!("\n  {:<26} {}", "help", "this text"));
    text.push_str(&format!("\n\nsteps of ci: {}", ci::step_names().join(" ")));
    text.push_str("\nexit codes: 0 all is well, 1 something is wrong, 2 usage");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_task_once() {
        let text = help();
        for task in TASKS {
            let heads = text.lines().filter(|line| line.trim_start().starts_with(&format!("{} ", task.name)));
            assert_eq!(heads.count(), 1, "{} in:\n{text}", task.name);
        }
    }

    #[test]
    fn misuse_is_a_usage_failure() {
        for args in [&[][..], &["nope"], &["tidy", "extra"], &["ci", "no-such-step"], &["ci", "-x"]] {
            let args: Vec<String> = args.iter().map(ToString::to_string).collect();
            assert!(matches!(dispatch(&args), Err(Failure::Usage(_))), "{args:?}");
        }
    }
}
