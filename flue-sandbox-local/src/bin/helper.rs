//! A program that starts confined commands for programs that cannot do so by themselves: those whose `main` does not begin
//! with [`flue_sandbox_local::init`], such as test binaries. Named to `Confinement::helper`; of no use by itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    flue_sandbox_local::init();
    ExitCode::from(64)
}
