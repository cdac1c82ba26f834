//! Tests that need a process of their own: they count what it has, or depend on how it was started.

use std::process::Command;

/// Set in the process of such a test.
const ALONE: &str = "FLUE_TEST_ALONE";

#[expect(clippy::print_stdout, reason = "what the other process says is what the test says")]
/// Whether this is the process of the test called `name`. If not, runs it in one, `started` as that says.
pub(crate) fn is_alone(name: &str, started: impl FnOnce(&std::path::Path, &[&str]) -> Command) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let exe = std::env::current_exe().unwrap();
    let output = started(&exe, &["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
    false
}

/// Started like any other.
pub(crate) fn plainly(exe: &std::path::Path, args: &[&str]) -> Command {
    let mut command = Command::new(exe);
    command.args(args);
    command
}

/// How many processes on this machine have `text` on their command line, this one left out.
pub(crate) fn running(text: &str) -> usize {
    let own = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let has = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let is_other = name.to_str().is_some_and(|name| name.parse::<u32>().is_ok() && name != own);
        is_other
            && String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).unwrap_or_default()).contains(text)
    };
    entries.filter(has).count()
}

/// A number of seconds that `sleep` takes and nobody else uses.
pub(crate) fn long_sleep() -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("300.{:07}{number:03}", std::process::id())
}

/// Waits until `holds`; fails after a time that is long also where others want the processors.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !holds() {
        assert!(std::time::Instant::now() < end, "{what} does not come about");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
