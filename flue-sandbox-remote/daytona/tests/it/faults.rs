//! What goes wrong on the way, and what a caller hears of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{ErrorKind, ExecRequest, OpenRequest, Retry, Sandbox};
use flue_sandbox_remote_kit::Provider;
use flue_sandbox_remote_testkit::Fault;

use crate::server::{Server, is_death};

/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(60);
const EXECUTE: &str = "/process/execute";

fn refuse(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Refuse { status, retry_after }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_an_error_and_nothing_is_sent_again() {
    for bytes in [0, 1, 40] {
        let server = Server::start().await;
        let sandbox = server.open().await;
        server.faults().once(EXECUTE, Fault::Cut(bytes));
        let error = sandbox.exec(ExecRequest::new("echo x >>log; echo said")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert_eq!(sandbox.exec(ExecRequest::new("cat log")).await.unwrap().stdout_text(), "x\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_download_and_a_cut_upload_change_and_give_nothing_by_half() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let file = sandbox.info().cwd.join("file").unwrap();
    let data = Bytes::from(vec![7; 300 << 10]);
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    server.faults().once("/files/download", Fault::Cut(1000));
    let error = sandbox.fs().read(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), data);
    server.faults().once("/files/upload-v2", refuse(500, None));
    sandbox.fs().write(&file, data.slice(1..)).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap().len(), data.len() - 1);
    let names = sandbox.fs().list(&sandbox.info().cwd).await.unwrap();
    assert!(names.iter().all(|entry| !entry.name.contains("upload") && entry.name != ".flue-"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_dies_in_a_command_is_dead_soon() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    server.faults().once(EXECUTE, Fault::Die(Duration::from_millis(500)));
    let started = Instant::now();
    let error = sandbox.exec(ExecRequest::new("sleep 300")).await.unwrap_err();
    assert!(is_death(&error, "stopped"), "{error:?}");
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    let file = sandbox.info().cwd.join("file").unwrap();
    let error = sandbox.fs().read(&file).await.unwrap_err();
    assert!(is_death(&error, "stopped"), "{error:?}");
    let error = sandbox.fs().write(&file, Bytes::from(vec![0; 100 << 10])).await.unwrap_err();
    assert!(is_death(&error, "stopped"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_came_back_empty_is_lost_and_nothing_is_done_there() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    server.0.come_back_empty(sandbox.machine()).unwrap();
    let error = sandbox.exec(ExecRequest::new("echo ran >/tmp/ran")).await.unwrap_err();
    assert!(is_death(&error, "state_lost"), "{error:?}");
    let file = sandbox.info().cwd.join("file").unwrap();
    for data in [Bytes::from_static(b"x"), Bytes::from(vec![0; 100 << 10])] {
        let error = sandbox.fs().write(&file, data).await.unwrap_err();
        assert!(is_death(&error, "state_lost"), "{error:?}");
    }
    let home = server.0.home(sandbox.machine()).unwrap();
    assert_eq!(std::fs::read_dir(home).unwrap().count(), 0);
    let error = server.remote().create(OpenRequest::new("test")).await.unwrap_err();
    assert!(is_death(&error, "state_lost"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_not_taken_is_sent_again_and_only_that() {
    let command = || ExecRequest::new("echo x >>log; wc -l <log");
    let server = Server::start().await;
    let sandbox = server.open().await;
    server.faults().once(EXECUTE, refuse(429, Some(1)));
    let started = Instant::now();
    assert_eq!(sandbox.exec(command()).await.unwrap().stdout_text().trim(), "1");
    assert!(started.elapsed() >= Duration::from_secs(1), "the provider said when");
    for status in [500, 502, 503, 504] {
        // After a command that failed its processes are looked for: a server of its own, for faults that strike but once.
        let server = Server::start().await;
        let sandbox = server.open().await;
        server.faults().once(EXECUTE, refuse(status, Some(1)));
        let error = sandbox.exec(command()).await.unwrap_err();
        let kind = if status == 504 { ErrorKind::Timeout } else { ErrorKind::Unavailable };
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(sandbox.exec(command()).await.unwrap().stdout_text().trim(), "1", "it was not sent again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_is_repeated_and_making_is_not() {
    let server = Server::start().await;
    for status in [429, 503] {
        server.faults().once("GET /api/sandbox", refuse(status, Some(0)));
    }
    let sandbox = server.open().await;
    server.faults().once("GET /api/sandbox/", refuse(500, None));
    server.daytona().attach(sandbox.machine()).await.unwrap();
    server.faults().once("POST /api/sandbox", refuse(503, Some(0)));
    let error = server.remote().create(OpenRequest::new("another")).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::After(Duration::ZERO)), "{error:?}");
    assert_eq!(server.count("POST /api/sandbox"), 1, "{:?}", server.0.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_of_the_provider_is_no_success() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    server.faults().once(EXECUTE, refuse(408, None));
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_in_error_says_why() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    assert!(server.0.fail(sandbox.machine()));
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert!(is_death(&error, "stopped"), "{error:?}");
    let error = server.remote().create(OpenRequest::new("test")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("said")), (ErrorKind::SandboxDied, Some("the runner is gone")), "{error:?}");
}
