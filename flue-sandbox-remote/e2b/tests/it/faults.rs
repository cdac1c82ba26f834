//! What goes wrong between here and there.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::Workspace;
use flue_sandbox_remote_testkit::Fault;

use crate::server::Server;

/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_in_a_command_is_an_error_in_bounded_time() {
    let server = Server::start().await;
    let sandbox = server.open("death").await;
    let started = Instant::now();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(server.0.die(sandbox.machine()));
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 300")), kill);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
    assert!(started.elapsed() < BOUND);
    let file = sandbox.info().cwd.join("file").unwrap();
    let error = sandbox.fs().read(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxDied, "{error:?}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_that_is_over_says_so() {
    let server = Server::start().await;
    let workspace = Workspace::per_session().time_to_live(Duration::from_secs(2));
    let sandbox = server.remote().workspace(workspace).create(OpenRequest::new("brief")).await.unwrap();
    // Nobody uses it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("expired")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_in_use_outlives_its_time() {
    let server = Server::start().await;
    let workspace = Workspace::per_session().time_to_live(Duration::from_secs(8));
    let sandbox = server.remote().workspace(workspace).create(OpenRequest::new("busy")).await.unwrap();
    let output = sandbox.exec(ExecRequest::new("sleep 14; echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_is_an_error_and_the_sandbox_goes_on() {
    let server = Server::start().await;
    let sandbox = server.open("cut").await;
    for bytes in [0, 3, 40, 200] {
        server.0.faults().once("Process/Start", Fault::Cut(bytes));
        let error = sandbox.exec(ExecRequest::new("echo once >>ran; sleep 0.2; echo said")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "after {bytes}: {error:?}");
        let output = sandbox.exec(ExecRequest::new("echo on")).await.unwrap();
        assert_eq!(output.stdout_text(), "on\n");
    }
    let output = sandbox.exec(ExecRequest::new("grep -c once ran")).await.unwrap();
    assert!(output.stdout_text().trim().parse::<u32>().unwrap() <= 4, "none ran twice: {output:?}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_ran_nothing_is_waited_out_and_others_are_told() {
    let server = Server::start().await;
    let sandbox = server.open("refused").await;
    server.0.faults().once("Process/Start", Fault::Refuse { status: 429, retry_after: Some(1) });
    let output = sandbox.exec(ExecRequest::new("echo once")).await.unwrap();
    assert_eq!(output.stdout_text(), "once\n");
    server.0.faults().once("Process/Start", Fault::Refuse { status: 500, retry_after: None });
    let error = sandbox.exec(ExecRequest::new("echo once")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    server.0.faults().once("POST /v2/sandboxes", Fault::Refuse { status: 503, retry_after: None });
    let error = server.try_open("another").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    sandbox.close().await.unwrap();
}
