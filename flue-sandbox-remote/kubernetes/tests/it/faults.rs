//! What goes wrong between here and there.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Provider, Remote};
use flue_sandbox_remote_testkit::Fault;

use crate::server::{Server, said};

/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_dies_in_a_command_is_an_error_in_bounded_time() {
    let server = Server::start().await;
    for (id, machines) in [("claim", server.pool()), ("pod", server.image())] {
        let sandbox = Remote::new(machines).create(OpenRequest::new(id)).await.unwrap();
        let (started, pod) = (Instant::now(), server.pod(&sandbox));
        let kill = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(server.0.die(&pod));
        };
        let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 300")), kill);
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
        assert!(started.elapsed() < BOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_the_same_name_that_is_empty_is_lost() {
    let server = Server::start().await;
    let sandbox = server.open("lost").await;
    server.0.come_back_empty(&server.pod(&sandbox)).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let error = sandbox.exec(ExecRequest::new("echo ran >ran")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
    let error = server.try_open("lost").await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_is_an_error_and_the_sandbox_goes_on() {
    let server = Server::start().await;
    let sandbox = server.open("cut").await;
    for bytes in [0, 3] {
        server.0.faults().once("/exec", Fault::Cut(bytes));
        let error = sandbox.exec(ExecRequest::new("echo once >>ran; sleep 0.2; echo said")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "after {bytes}: {error:?}");
        assert_eq!(said(&sandbox, "echo on").await, "on\n");
    }
    let ran = said(&sandbox, "cat ran 2>/dev/null | grep -c once").await;
    assert!(ran.trim().parse::<u32>().unwrap() <= 2, "none ran twice: {ran}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_ran_nothing_is_waited_out_and_others_are_told() {
    let server = Server::start().await;
    let sandbox = server.open("refused").await;
    server.0.faults().once("/exec", Fault::Refuse { status: 429, retry_after: Some(1) });
    assert_eq!(said(&sandbox, "echo once").await, "once\n");
    server.0.faults().once("/exec", Fault::Refuse { status: 500, retry_after: None });
    let error = sandbox.exec(ExecRequest::new("echo once")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    server.0.faults().once("GET /apis", Fault::Refuse { status: 503, retry_after: None });
    assert_eq!(server.pool().find(&Default::default()).await.unwrap().len(), 1, "a list is asked for again");
    server.0.faults().once("POST /apis", Fault::Refuse { status: 503, retry_after: None });
    let error = server.try_open("another").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "making is not: {error:?}");
    sandbox.close().await.unwrap();
}
