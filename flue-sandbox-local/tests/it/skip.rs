//! What this machine cannot show: said by name, and counted.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Says that `what` is not shown here, and why: past what the harness captures of tests that pass.
pub(crate) fn skipped(what: &str, why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    writeln!(std::io::stderr().lock(), "skipped, number {count} of this process: {what}: {why}").unwrap();
}

/// Whether a program is installed. If not, says that `what` is skipped.
pub(crate) fn has_program(program: &str, what: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    if !is_there {
        skipped(what, &format!("`{program}` is not installed"));
    }
    is_there
}
