//! This program executed again, as a helper that may do what a program with threads may not.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use flue_core::{Error, ErrorKind, Result};

/// This program's own file, also when another one took its name meanwhile.
const SELF: &str = "/proc/self/exe";

/// Whether `main` of this process has called [`init`]. What is executed again would else be the whole program.
static READY: AtomicBool = AtomicBool::new(false);

/// Lets this program start helpers: call it **first in `main`**, before a runtime or any other thread starts.
///
/// Confined commands ([`Local::confined`](crate::Local::confined)) and those in an [`Overlay`](crate::Overlay) are started by
/// a helper, which is this same program executed again; here it notices that it is one, does its work and exits, so that
/// nothing else of `main` runs. In the program itself this only takes note that it was called. A program that cannot call it
/// names `flue-sandbox-helper` with [`Confinement::helper`](crate::Confinement::helper) or
/// [`Overlay::helper`](crate::Overlay::helper).
///
/// ```no_run
/// #[tokio::main(flavor = "current_thread")]
/// async fn run() {}
///
/// fn main() {
///     flue_sandbox_local::init();
///     run();
/// }
/// ```
pub fn init() {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::env::args_os().next() {
        if name == crate::overlay::HELPER {
            std::process::exit(crate::overlay::help());
        }
        if name == crate::confine::HELPER {
            std::process::exit(crate::confine::help());
        }
    }
    READY.store(true, Ordering::Relaxed);
}

/// The program that is executed as helper: the one that was named, or this one.
///
/// # Errors
/// [`ErrorKind::Config`] when there is none.
pub(crate) fn helper(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(program) => Ok(std::path::absolute(program).unwrap_or_else(|_| program.to_owned())),
        None if READY.load(Ordering::Relaxed) => Ok(SELF.into()),
        None => Err(Error::new(
            ErrorKind::Config,
            "open",
            "confined commands and those in an overlay are started by a helper, and there is none: call \
             `flue_sandbox_local::init()` first in `main`, or name the program `flue-sandbox-helper` with \
             `Confinement::helper` or `Overlay::helper`",
        )),
    }
}
