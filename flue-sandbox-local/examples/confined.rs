//! Runs a command as a model would, confined to the directory that one is in, and says what this machine gives and what held it.
//!
//! `cargo run -p flue-sandbox-local --example confined -- 'curl -sS https://example.com' --host example.com`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program to be looked at")]

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_local::{Confinement, Local, Mechanism, probe};

#[tokio::main(flavor = "current_thread")]
async fn run() -> flue_core::Result<i32> {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_else(|| "id; ls -a ~".to_owned());
    let mut policy = Confinement::new();
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        policy = match word.as_str() {
            "--host" => policy.allow_host(value),
            "--waive" => {
                let waived = Mechanism::ALL.into_iter().filter(|mechanism| mechanism.name() == value);
                waived.fold(policy, Confinement::waive)
            }
            _ => policy,
        };
    }
    probe().iter().for_each(|finding| eprintln!("{finding}"));
    let sandbox = Local::new(".").confined(policy).create(OpenRequest::new("example")).await?;
    sandbox.info().notes.iter().for_each(|note| eprintln!("- {note}"));
    let output = sandbox.exec(ExecRequest::new(command)).await?;
    print!("{}", output.stdout_text());
    eprint!("{}", output.stderr_text());
    sandbox.close().await?;
    Ok(output.exit_code())
}

fn main() -> std::process::ExitCode {
    // First of all: commands are started by this program, executed again.
    flue_sandbox_local::init();
    match run() {
        Ok(code) => std::process::ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
