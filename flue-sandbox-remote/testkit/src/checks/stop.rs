//! What is given up ends, with all that it started.

use std::time::Duration;

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use tokio_util::sync::CancellationToken;

use super::family::Family;

/// A time limit that a family comes up in on a busy machine.
const TIME: Duration = Duration::from_secs(10);

/// A cancelled command is an error that says so, and none of its processes is left when it comes.
pub async fn cancelling(sandbox: &dyn Sandbox) {
    let (family, cancel) = (Family::new(), CancellationToken::new());
    let run = sandbox.exec(ExecRequest::new(family.command()).with_cancel(cancel.clone()));
    let stop = async {
        family.is_up().await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(run, stop);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("processes")), (ErrorKind::Cancelled, None), "confirmed: {error:?}");
    assert_eq!(family.alive(), 0, "what is said to be confirmed is true");
}

/// A command whose time is up gives what it said by then, where output comes live, and none of its processes is left.
pub async fn time_limit(sandbox: &dyn Sandbox) {
    let family = Family::new();
    let run = sandbox.exec(ExecRequest::new(family.command()).with_timeout(TIME));
    let (result, ()) = tokio::join!(run, family.is_up());
    let output = result.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut);
    if sandbox.info().capabilities.live_output {
        assert_eq!(output.stdout_text(), "up\n");
    }
    assert!(!output.stderr_text().contains("could not be confirmed"), "{}", output.stderr_text());
    assert_eq!(family.alive(), 0, "what is said to be confirmed is true");
}

/// A command that nobody waits for any more ends soon, and the sandbox goes on.
pub async fn dropping(sandbox: &dyn Sandbox) {
    let family = Family::new();
    tokio::select! {
        result = sandbox.exec(ExecRequest::new(family.command())) => panic!("ended: {result:?}"),
        () = family.is_up() => {}
    }
    family.is_gone().await;
    let output = sandbox.exec(ExecRequest::new("echo on")).await.unwrap();
    assert_eq!(output.stdout_text(), "on\n");
}

/// Closing waits for the end of what runs. Closes the sandbox.
pub async fn closing(sandbox: &dyn Sandbox) {
    let family = Family::new();
    let close = async {
        family.is_up().await;
        sandbox.close().await
    };
    let (result, closed) = tokio::join!(sandbox.exec(ExecRequest::new(family.command())), close);
    closed.unwrap();
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("processes")), (ErrorKind::SandboxDied, None), "{error:?}");
    assert_eq!(family.alive(), 0, "closing waits for the end of what ran");
}
