//! What goes wrong between here and there.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Labels, NetworkPolicy, Provider, Workspace};
use flue_sandbox_remote_testkit::Fault;

use crate::bridge::{bridge, home};

/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(90);

/// The platform starts a fresh container under the same id for whatever is asked next.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_dies_in_a_command_is_lost_and_nothing_runs_in_the_fresh_one() {
    let Some(bridge) = bridge("faults::a_container_that_dies_in_a_command_is_lost").await else { return };
    let sandbox = bridge.open("death").await;
    let generation = sandbox.generation().unwrap().to_owned();
    let place = home(&sandbox).await;
    let started = Instant::now();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(bridge.0.die(&place));
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 300")), kill);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
    assert!(started.elapsed() < BOUND);
    let error = sandbox.exec(ExecRequest::new("echo ran >ran")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
    let file = sandbox.info().cwd.join("file").unwrap();
    let error = sandbox.fs().write(&file, "x".into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxDied, "{error:?}");
    sandbox.close().await.unwrap();
    let pinned = bridge.remote().workspace(Workspace::per_session().generation(generation));
    let error = pinned.create(OpenRequest::new("death")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_is_an_error_and_nothing_runs_twice() {
    let Some(bridge) = bridge("faults::a_stream_that_is_cut_is_an_error_and_nothing_runs_twice").await else { return };
    let sandbox = bridge.open("cut").await;
    bridge.0.faults().once("api/execute/stream", Fault::Cut(60));
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Protocol), "{error:?}");
    let output = sandbox.exec(ExecRequest::new("echo on")).await.unwrap();
    assert_eq!(output.stdout_text(), "on\n");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bridge_cannot_do_is_refused_before_anything_is_made() {
    let Some(bridge) = bridge("faults::what_the_bridge_cannot_do_is_refused").await else { return };
    for workspace in [
        Workspace::named("a").network(NetworkPolicy::None),
        Workspace::named("a").network(NetworkPolicy::AllowList(vec!["example.com".into()])),
        Workspace::named("a").time_to_live(Duration::from_secs(60)),
    ] {
        let error = bridge.remote().workspace(workspace).create(OpenRequest::new("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    assert_eq!(bridge.containers().find(&Labels::new()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(bridge.0.running(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_nowhere() {
    const PLANTED: &str = "planted-bridge-key-0123456789";
    let Some(bridge) = bridge("faults::keys_are_shown_nowhere").await else { return };
    let containers = bridge.with_key(PLANTED);
    let debug = format!("{containers:?}");
    let error = containers.delete("aaaa").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    for text in [debug, format!("{error}"), format!("{error:#}"), format!("{error:?}")] {
        assert!(!text.contains("planted"), "{text}");
    }
}
