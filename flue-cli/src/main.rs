#![doc = include_str!("../README.md")]

mod agent_file;
mod approval;
mod args;
mod command;
mod exit;
mod guarded;
mod host;
mod input;
mod interrupt;
mod limits;
#[cfg(test)]
mod manual;
mod output;
mod overlaid;
mod policy;
mod progress;
mod sandbox_kind;
mod secrets;
mod setup;
mod store;
mod suggest;
#[cfg(feature = "otel")]
mod telemetry;
mod terminal;
mod trace;
mod transfer;
mod variable;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    // Before anything else: this process may be a helper that a sandbox started.
    #[cfg(all(feature = "local", unix))]
    flue_sandbox_local::init();
    #[cfg(feature = "virtual")]
    flue_sandbox_virtual_worker::init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => return ExitCode::from(args::refuse(refusal)),
    };
    let done = match cli.command {
        Command::Run(args) => command::run::run(*args),
        Command::Chat(args) => command::chat::run(*args),
        Command::Sessions(args) => command::sessions::run(args),
        #[cfg(feature = "remote")]
        Command::Sandboxes(args) => command::sandboxes::run(&args),
        Command::Exec(args) => command::exec::run(*args),
        Command::Models(args) => command::models::run(&args),
        Command::Trace(args) => command::trace::run(&args),
        Command::Reach(args) => command::reach::run(&args),
        Command::Doctor(args) => command::doctor::run(&args),
    };
    ExitCode::from(done.unwrap_or_else(|failure| {
        if let Some(error) = &failure.error {
            output::complain(error);
        }
        failure.code
    }))
}
