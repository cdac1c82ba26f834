//! The worker as a program of its own, for programs whose `main` cannot call [`flue_sandbox_virtual_worker::init`].

use std::process::ExitCode;

fn main() -> ExitCode {
    flue_sandbox_virtual_worker::init();
    // Under another name it was started by hand.
    ExitCode::from(2)
}
