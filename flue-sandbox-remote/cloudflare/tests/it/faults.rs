//! What goes wrong between here and there.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Labels, NetworkPolicy, Provider, Workspace};
use flue_sandbox_remote_testkit::Fault;

use crate::bridge::{bridge, bridge_for, home};

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

/// 400 and 401 are the bridge's own words.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_bridge_make_nothing_and_say_why() {
    let Some(bridge) = bridge("faults::refusals_of_the_bridge_make_nothing_and_say_why").await else { return };
    for (containers, id, kind, code) in [
        (bridge.with_key("another-key"), "aaaa", ErrorKind::Authentication, "unauthorized"),
        (bridge.containers(), "NO ID/..", ErrorKind::InvalidInput, "invalid_request"),
    ] {
        let error = containers.attach(id).await.unwrap_err();
        assert_eq!((error.kind(), error.fact("code")), (kind, Some(code)), "{error:?}");
        assert_eq!(containers.delete(id).await.unwrap_err().kind(), kind);
    }
    assert_eq!(bridge.0.running(), 0);
}

/// The bridge answers 503 when all containers that it may have are taken.
#[tokio::test(flavor = "multi_thread")]
async fn want_of_room_is_said_and_harms_nobody() {
    let Some(bridge) = bridge_for("faults::want_of_room_is_said_and_harms_nobody", 1).await else { return };
    let sandbox = bridge.open("first").await;
    let started = Instant::now();
    let error = bridge.remote().create(OpenRequest::new("second")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!((error.fact("status"), error.fact("code")), (Some("503"), Some("capacity_exceeded")), "{error:?}");
    assert!(started.elapsed() < BOUND && bridge.0.running() == 1);
    let output = sandbox.exec(ExecRequest::new("echo on")).await.unwrap();
    assert_eq!(output.stdout_text(), "on\n");
    sandbox.close().await.unwrap();
}

/// An error within the stream of a command is no end of it; one of a file's write is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_a_container_is_told_and_the_sandbox_goes_on() {
    let Some(bridge) = bridge("faults::what_fails_in_a_container_is_told_and_the_sandbox_goes_on").await else {
        return;
    };
    let sandbox = bridge.open("failing").await;
    let fail = Fault::Refuse { status: 500, retry_after: None };
    bridge.0.faults().once("api/execute/stream", fail.clone());
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.fact("code").is_some_and(|code| code.starts_with("exec_")), "{error:?}");
    bridge.0.faults().once("api/write", fail);
    let file = sandbox.info().cwd.join("file").unwrap();
    // Large enough for the bridge's own interface.
    let data = vec![b'x'; 100 << 10];
    sandbox.fs().write(&file, data.clone().into()).await.unwrap();
    assert!(sandbox.fs().read(&file).await.unwrap() == data);
    sandbox.close().await.unwrap();
}

/// A large file goes in pieces.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_that_fails_half_way_leaves_nothing() {
    const LARGE: usize = 40 << 20;
    let Some(bridge) = bridge("faults::a_large_file_that_fails_half_way_leaves_nothing").await else { return };
    let sandbox = bridge.open("half").await;
    let place = home(&sandbox).await;
    let file = sandbox.info().cwd.join("large").unwrap();
    let fail = async {
        let started = Instant::now();
        let pieces = || std::fs::read_dir(&place).unwrap().flatten().filter(|entry| is_piece(&entry.file_name()));
        while pieces().count() == 0 {
            assert!(started.elapsed() < BOUND);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // As often as a request is sent at most, wherever.
        for _ in 0..16 {
            bridge.0.faults().once("api/write", Fault::Refuse { status: 500, retry_after: None });
        }
    };
    let (result, ()) = tokio::join!(sandbox.fs().write(&file, vec![b'x'; LARGE].into()), fail);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("status")), (ErrorKind::Unavailable, Some("502")), "{error:?}");
    let names: Vec<_> = std::fs::read_dir(&place).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!names.iter().any(|name| is_piece(name) || name == "large"), "{names:?}");
    sandbox.close().await.unwrap();
}

/// Whoever gives up an upload by the provider's own interface leaves nothing either.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_dropped_leaves_no_pieces() {
    const LARGE: usize = 40 << 20;
    let Some(bridge) = bridge("faults::an_upload_that_is_dropped_leaves_no_pieces").await else { return };
    let sandbox = bridge.open("dropped").await;
    let (place, path) = (home(&sandbox).await, sandbox.info().cwd.join("large").unwrap());
    let pieces = || std::fs::read_dir(&place).unwrap().flatten().filter(|entry| is_piece(&entry.file_name())).count();
    let wait = async |is_there: bool| {
        let started = Instant::now();
        while (pieces() > 0) != is_there {
            assert!(started.elapsed() < BOUND, "{} pieces", pieces());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let machine = bridge.containers().attach(sandbox.machine()).await.unwrap();
    tokio::select! {
        result = machine.files().unwrap().upload(&path, vec![b'x'; LARGE].into()) => panic!("ended: {result:?}"),
        () = wait(true) => {}
    }
    wait(false).await;
    // What was on its way meanwhile has arrived by then.
    tokio::time::sleep(Duration::from_secs(8)).await;
    wait(false).await;
    sandbox.close().await.unwrap();
}

fn is_piece(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().rsplit_once('.').is_some_and(|(_, index)| index.parse::<u32>().is_ok())
}
