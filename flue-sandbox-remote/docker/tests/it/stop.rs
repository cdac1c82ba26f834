//! What is stopped, seen from outside of the sandbox: by the processes of the host, which sees those of its containers.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::RemoteSandbox;
use tokio_util::sync::CancellationToken;

use crate::engine::engine;

/// Everything by which a process leaves its parent: the background, another session, two forks, no hang-up.
fn family(tag: &str) -> String {
    format!(
        "sleep 300.{tag} & setsid sleep 300.{tag} & (trap '' HUP; sleep 300.{tag}) & \
         (setsid sh -c 'sleep 300.{tag} & sleep 300.{tag}' &) ; (trap '' TERM; sleep 300.{tag}) & echo up; wait; sleep 300.{tag}"
    )
}

/// The processes of this machine that are of the family.
fn alive(tag: &str) -> usize {
    let needle = format!("300.{tag}");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.starts_with(b"sleep\0") && String::from_utf8_lossy(line).contains(&needle)).count()
}

async fn wait_for(tag: &str, count: usize) {
    let started = Instant::now();
    while alive(tag) != count {
        assert!(started.elapsed() < Duration::from_secs(10), "{} of {count} processes of {tag}", alive(tag));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const FAMILY: usize = 6;

async fn open(name: &str) -> Option<Arc<RemoteSandbox>> {
    let engine = engine(name)?;
    Some(engine.remote("stop").create(OpenRequest::new(name)).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_kills_the_whole_family() {
    let Some(sandbox) = open("cancel").await else { return };
    let tag = format!("1{}", std::process::id());
    let cancel = CancellationToken::new();
    let run = sandbox.exec(ExecRequest::new(family(&tag)).with_cancel(cancel.clone()));
    let stop = async {
        wait_for(&tag, FAMILY).await;
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(run, stop);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("processes")), (ErrorKind::Cancelled, None), "confirmed: {error:?}");
    assert_eq!(alive(&tag), 0, "when cancelling says that it is confirmed, it is");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_kills_the_whole_family() {
    let Some(sandbox) = open("timeout").await else { return };
    let tag = format!("2{}", std::process::id());
    let output = sandbox.exec(ExecRequest::new(family(&tag)).with_timeout(Duration::from_secs(2))).await.unwrap();
    assert_eq!((output.end, output.stdout_text().as_ref()), (ExecEnd::TimedOut, "up\n"));
    assert!(!output.stderr_text().contains("could not be confirmed"), "{}", output.stderr_text());
    assert_eq!(alive(&tag), 0);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_and_closing_kill_the_whole_family() {
    let Some(sandbox) = open("drop").await else { return };
    let (dropped, closed) = (format!("3{}", std::process::id()), format!("4{}", std::process::id()));
    tokio::select! {
        result = sandbox.exec(ExecRequest::new(family(&dropped))) => panic!("ended: {result:?}"),
        () = wait_for(&dropped, FAMILY) => {}
    }
    wait_for(&dropped, 0).await;
    let close = async {
        wait_for(&closed, FAMILY).await;
        sandbox.close().await
    };
    let (result, done) = tokio::join!(sandbox.exec(ExecRequest::new(family(&closed))), close);
    done.unwrap();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::SandboxDied);
    assert_eq!(alive(&closed), 0, "closing waits for the end of what ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_is_killed_is_an_error_and_the_work_goes_on_after_starting_it_again() {
    let Some(engine) = engine("death") else { return };
    let remote = engine.remote("stop");
    let sandbox = remote.create(OpenRequest::new("death")).await.unwrap();
    let file = sandbox.info().cwd.join("file").unwrap();
    sandbox.fs().write(&file, "kept".into()).await.unwrap();
    let generation = sandbox.generation().unwrap().to_owned();
    let started = Instant::now();
    let kill = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        engine.client(&["kill", sandbox.machine()]);
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 60")), kill);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let error = sandbox.fs().read(&file).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
    sandbox.close().await.unwrap();
    let again = remote.create(OpenRequest::new("death")).await.unwrap();
    assert_eq!(again.generation(), Some(&*generation));
    assert_eq!(again.fs().read(&file).await.unwrap(), "kept");
    again.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_closed_kills_nothing_by_itself() {
    let Some(sandbox) = open("closed stream").await else { return };
    let tag = format!("5{}", std::process::id());
    // What stays in the background of a command that ended is left alone, and holds up nobody.
    let started = Instant::now();
    let output = sandbox.exec(ExecRequest::new(format!("sleep 300.{tag} & echo done"))).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    sandbox.close().await.unwrap();
}
