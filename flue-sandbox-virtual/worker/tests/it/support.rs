//! Short names for common steps, and what the kernel tells of processes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecOutput, ExecRequest, OpenRequest, Result, Sandbox};
use flue_sandbox_virtual::Virtual;
use flue_sandbox_virtual_worker::{Contained, ContainedSandbox, Death};

/// The worker that was built beside these tests, whose own `main` cannot be one.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_flue-sandbox-virtual-worker");
/// How long something may take that happens at once, on a machine that has much else to do.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(10);

/// Contains `described`, with the worker that was built for these tests.
pub(crate) fn contained(described: Virtual) -> Contained {
    Contained::new(described).program(PROGRAM)
}

/// Opens a sandbox.
pub(crate) async fn open(factory: &Contained) -> Arc<ContainedSandbox> {
    factory.create(OpenRequest::new("test")).await.unwrap()
}

/// Opens a sandbox with all defaults.
pub(crate) async fn fresh() -> Arc<ContainedSandbox> {
    open(&contained(Virtual::new())).await
}

/// Runs a script.
pub(crate) async fn run(sandbox: &ContainedSandbox, script: &str) -> ExecOutput {
    sandbox.exec(ExecRequest::new(script)).await.unwrap()
}

/// Runs a script that succeeds, and gives its standard output.
pub(crate) async fn sh(sandbox: &ContainedSandbox, script: &str) -> String {
    let output = run(sandbox, script).await;
    assert!(output.success(), "{script:.60}: {output:?} {}", output.stderr_text());
    output.stdout_text().into_owned()
}

/// Asserts that the sandbox died of this, in a result and from then on.
#[track_caller]
pub(crate) fn assert_died<T: std::fmt::Debug>(sandbox: &ContainedSandbox, result: Result<T>, of: Death) {
    let error = result.expect_err("the sandbox died");
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some(of.name())), "{error:?}");
    assert_eq!(sandbox.death(), Some(of));
}

/// A line of `/proc/PID/status`, in KiB where it is memory.
pub(crate) fn status(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line?.split_whitespace().next()?.parse().ok()
}

/// Whether there is such a process, be it only one that nobody waited for.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Processes that this one started and that are there, zombies among them.
pub(crate) fn children() -> Vec<u32> {
    let own = std::process::id().to_string();
    let is_own = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&own)
    };
    let all = std::fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok()).filter(is_own).collect()
}

/// Waits until `condition` holds, but not for ever.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + AT_ONCE;
    while !condition() {
        assert!(Instant::now() < until, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Sends a signal.
pub(crate) fn kill(signal: &str, pid: u32) {
    let done = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
    assert!(done.success(), "kill {signal} {pid}");
}
