//! What a transport does wrong, and what a caller hears of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{PROBE_EVERY, PROBE_SILENCE, Remote, RemoteSandbox};

use crate::shell::{Faults, Kind, Shells};

/// What a loaded machine takes beside.
const SLACK: Duration = Duration::from_secs(10);

async fn open(kind: Kind) -> (Arc<RemoteSandbox>, Arc<Faults>, Shells) {
    let shells = Shells::new(kind);
    let faults = Arc::clone(&shells.faults);
    let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("faults")).await.unwrap();
    (sandbox, faults, shells)
}

async fn failure(sandbox: &RemoteSandbox) -> Error {
    sandbox.exec(ExecRequest::new("echo ran >ran")).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_exit_code_is_never_0_and_a_missing_file_never_empty() {
    for kind in [Kind::Exact, Kind::Text] {
        let (sandbox, faults, _shells) = open(kind).await;
        faults.swallow.store(true, Ordering::SeqCst);
        assert_eq!(failure(&sandbox).await.kind(), ErrorKind::Protocol);
        let file = sandbox.info().cwd.join("file").unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap_err().kind(), ErrorKind::Protocol);
        assert_eq!(sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err().kind(), ErrorKind::Protocol);
        assert_eq!(sandbox.fs().write(&file, "x".into()).await.unwrap_err().kind(), ErrorKind::Protocol);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_did_not_start_is_sent_again() {
    let (sandbox, faults, _shells) = open(Kind::Exact).await;
    faults.sent.store(0, Ordering::SeqCst);
    faults.refuse.store(2, Ordering::SeqCst);
    let output = sandbox.exec(ExecRequest::new("echo x >>log; cat log")).await.unwrap();
    assert_eq!((output.stdout_text().as_ref(), faults.sent.load(Ordering::SeqCst)), ("x\n", 3));
    faults.sent.store(0, Ordering::SeqCst);
    faults.refuse.store(u32::MAX, Ordering::SeqCst);
    // A file operation: after a command, its processes are looked for as well.
    assert_eq!(sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(faults.sent.load(Ordering::SeqCst), 4, "a bound");
    let (sandbox, faults, _shells) = open(Kind::Exact).await;
    faults.sent.store(0, Ordering::SeqCst);
    faults.cut.store(true, Ordering::SeqCst);
    let file = sandbox.info().cwd.join("file").unwrap();
    assert_eq!(sandbox.fs().write(&file, "x".into()).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(faults.sent.load(Ordering::SeqCst), 1, "it may have run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_ends_what_is_pending() {
    let (sandbox, faults, _shells) = open(Kind::Exact).await;
    faults.hang.store(true, Ordering::SeqCst);
    faults.dead.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let error = failure(&sandbox).await;
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")));
    assert!(started.elapsed() < PROBE_EVERY + SLACK);
    faults.silent.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let error = sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("probe_silent")));
    assert!(started.elapsed() < PROBE_EVERY + PROBE_SILENCE + SLACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_seen_to_end_is_said_to_be_unconfirmed() {
    let (sandbox, faults, _shells) = open(Kind::Exact).await;
    faults.hang.store(true, Ordering::SeqCst);
    let output = sandbox.exec(ExecRequest::new("true").with_timeout(Duration::from_secs(1))).await.unwrap();
    assert_eq!(output.end, flue_core::ExecEnd::TimedOut);
    assert!(output.stderr_text().contains("could not be confirmed killed"), "{}", output.stderr_text());
}
