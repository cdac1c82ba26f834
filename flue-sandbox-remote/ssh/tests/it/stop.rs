//! What is stopped, seen from outside of the sandbox: by the processes of this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::RemoteSandbox;
use flue_sandbox_remote_testkit::checks::{job, stop};

use crate::server::server;

async fn open(name: &str) -> Option<Arc<RemoteSandbox>> {
    let server = server(name)?;
    Some(server.remote(name).create(OpenRequest::new(name)).await.unwrap())
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

/// The processes of the server that serve the connections of this sandbox: the parents of its shells.
async fn serving(sandbox: &RemoteSandbox) -> u32 {
    // The shell's parent is the script's shell, whose parent serves the connection.
    let output = sandbox.exec(ExecRequest::new("cut -d' ' -f4 /proc/$PPID/stat")).await.unwrap();
    output.stdout_text().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_an_error_and_the_work_goes_on_after_attaching_again() {
    let Some(server) = server("cut") else { return };
    let remote = server.remote("cut");
    let sandbox = remote.create(OpenRequest::new("cut")).await.unwrap();
    let file = sandbox.info().cwd.join("kept").unwrap();
    sandbox.fs().write(&file, "kept".into()).await.unwrap();
    let generation = sandbox.generation().unwrap().to_owned();
    let server = serving(&sandbox).await;
    let started = Instant::now();
    let cut = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let killed = std::process::Command::new("kill").args(["-KILL", &server.to_string()]).status().unwrap();
        assert!(killed.success());
    };
    let (result, ()) = tokio::join!(sandbox.exec(ExecRequest::new("sleep 60")), cut);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("disconnected")), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let error = sandbox.fs().read(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SandboxDied, "{error:?}");
    sandbox.close().await.unwrap();
    let again = remote.create(OpenRequest::new("cut")).await.unwrap();
    assert_eq!(again.generation(), Some(&*generation));
    assert_eq!(again.fs().read(&file).await.unwrap(), "kept");
    again.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_falls_silent_is_dead_after_a_while() {
    let Some(server) = server("silence") else { return };
    let sandbox = server.remote("silence").create(OpenRequest::new("silence")).await.unwrap();
    let serving = serving(&sandbox).await;
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &serving.to_string()]).status().unwrap();
        assert!(sent.success());
    };
    let started = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        signal("-STOP");
    };
    // Nothing is closed, and nothing comes.
    let run = tokio::time::timeout(Duration::from_secs(60), sandbox.exec(ExecRequest::new("sleep 300")));
    let (result, ()) = tokio::join!(run, stop);
    signal("-KILL");
    let error = result.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("disconnected")), "{error:?}");
    let took = started.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(40)).contains(&took), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_killed_has_no_exit_code_of_success() {
    let Some(sandbox) = open("killed").await else { return };
    let output = sandbox.exec(ExecRequest::new("kill -KILL $$")).await.unwrap();
    assert_eq!(output.end, ExecEnd::Exited(137));
    // The shell around the command, which is what the host runs for us.
    let error = sandbox.exec(ExecRequest::new("kill -KILL $PPID; sleep 1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_done_and_one_that_is_cut_off_goes_on() {
    let Some(server) = server("job") else { return };
    job::review(flue_models_scripted::open("reviewer").unwrap(), server.remote("job")).await;
    let served = server.file("served");
    // The shell's parent is the script's shell, whose parent serves the connection.
    let aside = format!("cut -d' ' -f4 /proc/$PPID/stat >{}", served.display());
    let cut = async || {
        let serving = std::fs::read_to_string(&served).unwrap();
        let killed = std::process::Command::new("kill").args(["-KILL", serving.trim()]).status().unwrap();
        assert!(killed.success());
    };
    job::cut_off(server.remote("job"), &aside, cut).await;
}
