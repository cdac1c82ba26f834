//! Sandboxes in containers of real engines: each test over Docker and over Podman.
//!
//! What has no engine on this machine is listed as ignored, by name, and counted. `CI` demands both.

#![cfg_attr(
    unix,
    expect(
        clippy::unwrap_used,
        clippy::print_stdout,
        reason = "a test that cannot go on has failed, and figures are told"
    )
)]

#[cfg(unix)]
mod archive;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod limits;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod stop;
#[cfg(unix)]
mod suite;
#[cfg(unix)]
mod traps;
#[cfg(unix)]
mod workspaces;

fn main() -> std::process::ExitCode {
    #[cfg(unix)]
    return running::main();
    #[cfg(not(unix))]
    std::process::ExitCode::SUCCESS
}
