//! The servers, seen by plain connections and certified by the providers' official clients.
//!
//! What cannot run here is listed as ignored, by name, and counted.

#![expect(clippy::expect_used, reason = "a panic is how a test without the standard harness fails")]

mod certify;
mod daytona;
mod e2b;
mod faults;
mod kubernetes;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let mut trials = faults::trials();
    trials.extend(daytona::trials());
    trials.extend(e2b::trials());
    trials.extend(kubernetes::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that runs by itself; a panic fails it.
fn trial<F: Future<Output = ()>>(name: &str, test: impl Fn() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        Runtime::new()?.block_on(test());
        Ok(())
    })
}
