//! What this machine cannot show: said by the test's name and counted, neither failing nor passing unseen.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Says that the test that runs shows nothing here, and why: past what the harness captures of tests that pass.
fn skipped(why: &str) {
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    writeln!(std::io::stderr().lock(), "skipped, number {count} of this process: {name}: {why}").unwrap();
}

/// Whether a test can be shown. If not, says that it is skipped.
pub(crate) fn shown(found: &Result<(), String>) -> bool {
    found.as_ref().inspect_err(|why| skipped(why)).is_ok()
}

/// Whether these programs are installed.
pub(crate) fn has_programs(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|program| !is_installed(program)).copied().collect();
    shown(&if missing.is_empty() { Ok(()) } else { Err(format!("not installed: {}", missing.join(", "))) })
}

pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}
