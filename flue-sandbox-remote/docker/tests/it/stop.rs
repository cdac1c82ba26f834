//! What is stopped, seen from outside of the sandbox: by the processes of the host, which sees those of its containers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::RemoteSandbox;
use flue_sandbox_remote_testkit::checks::stop;

use crate::engine::engine;

async fn open(name: &str) -> Option<Arc<RemoteSandbox>> {
    let engine = engine(name)?;
    Some(engine.remote("stop").create(OpenRequest::new(name)).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_kills_the_whole_family() {
    let Some(sandbox) = open("cancel").await else { return };
    stop::cancelling(&*sandbox).await;
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_kills_the_whole_family() {
    let Some(sandbox) = open("timeout").await else { return };
    stop::time_limit(&*sandbox).await;
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_and_closing_kill_the_whole_family() {
    let Some(sandbox) = open("drop").await else { return };
    stop::dropping(&*sandbox).await;
    stop::closing(&*sandbox).await;
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
    let tag = std::process::id();
    // What stays in the background of a command that ended is left alone, and holds up nobody.
    let started = Instant::now();
    let output = sandbox.exec(ExecRequest::new(format!("sleep 300.{tag} & echo done"))).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    sandbox.close().await.unwrap();
}
