//! What is stopped, seen from outside of the sandbox: by the processes of the host, which sees those of its containers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::RemoteSandbox;
use flue_sandbox_remote_testkit::checks::{job, stop};

use crate::engine::Engine;

async fn open(engine: &Engine, name: &str) -> Arc<RemoteSandbox> {
    engine.remote("stop").create(OpenRequest::new(name)).await.unwrap()
}

pub(crate) async fn cancelling_kills_the_whole_family(engine: &'static Engine) {
    let sandbox = open(engine, "cancel").await;
    stop::cancelling(&*sandbox).await;
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_time_limit_kills_the_whole_family(engine: &'static Engine) {
    let sandbox = open(engine, "timeout").await;
    stop::time_limit(&*sandbox).await;
    sandbox.close().await.unwrap();
}

pub(crate) async fn dropping_and_closing_kill_the_whole_family(engine: &'static Engine) {
    let sandbox = open(engine, "drop").await;
    stop::dropping(&*sandbox).await;
    stop::closing(&*sandbox).await;
}

pub(crate) async fn a_container_that_is_killed_is_an_error_and_the_work_goes_on_after_starting_it_again(
    engine: &'static Engine,
) {
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

pub(crate) async fn a_stream_that_is_closed_kills_nothing_by_itself(engine: &'static Engine) {
    let sandbox = open(engine, "background").await;
    // What stays in the background of a command that ended is left alone, and holds up nobody.
    let started = Instant::now();
    let output = sandbox.exec(ExecRequest::new("sleep 300 & echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_closed_sandbox_leaves_no_shell(engine: &'static Engine) {
    let there = |machine: &str| {
        let told = engine.client(&["top", machine]);
        told.lines().filter(|line| line.contains("while read -r n i")).count()
    };
    for (name, closes) in [("shell closed", true), ("shell dropped", false)] {
        let sandbox = open(engine, name).await;
        let machine = sandbox.machine().to_owned();
        sandbox.fs().list(&sandbox.info().cwd).await.unwrap();
        assert_eq!(there(&machine), 1);
        if closes {
            sandbox.close().await.unwrap();
        }
        drop(sandbox);
        let started = Instant::now();
        while there(&machine) > 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "a shell outlives its sandbox");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

pub(crate) async fn a_job_is_done_and_one_that_is_cut_off_goes_on(engine: &'static Engine) {
    job::review(flue_models_scripted::open("reviewer").unwrap(), engine.remote("job")).await;
    let cut = async || {
        let running = engine.client(&["ps", "-q", "--filter", "label=flue-owner=cut-off"]);
        engine.client(&["kill", running.trim()]);
    };
    job::cut_off(engine.remote("cut-off"), "true", cut).await;
}
