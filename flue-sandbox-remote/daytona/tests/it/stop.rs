//! What is stopped, seen from outside of the sandbox: by the processes of this machine, which are those of the server's.

use std::fs;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// How many processes a family has.
const FAMILY: usize = 6;
/// How long a process may be seen after it was killed, on a busy machine.
const KILL_LIMIT: Duration = Duration::from_secs(30);

/// Everything by which a process leaves its parent: the background, another session, two forks, no hang-up.
fn family(tag: &str) -> String {
    format!(
        "sleep 300.{tag} & setsid sleep 300.{tag} & (trap '' HUP; sleep 300.{tag}) & \
         (setsid sh -c 'sleep 300.{tag} & sleep 300.{tag}' &) ; (trap '' TERM; sleep 300.{tag}) & echo up; wait; sleep 300.{tag}"
    )
}

/// How many processes of this machine are of the family.
fn alive(tag: &str) -> usize {
    let needle = format!("300.{tag}");
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.starts_with(b"sleep\0") && String::from_utf8_lossy(line).contains(&needle)).count()
}

async fn wait_for(tag: &str, count: usize) {
    let started = Instant::now();
    while alive(tag) != count {
        assert!(started.elapsed() < KILL_LIMIT, "{} of {count} processes of {tag}", alive(tag));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A client that goes away stops nothing there.
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_kills_the_whole_family() {
    let server = Server::start().await;
    let sandbox = server.open().await;
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
}

/// The daemon's own limit ends the group alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_kills_the_whole_family() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let tag = format!("2{}", std::process::id());
    let output = sandbox.exec(ExecRequest::new(family(&tag)).with_timeout(Duration::from_secs(2))).await.unwrap();
    assert_eq!((output.end, output.stdout_text().as_ref()), (ExecEnd::TimedOut, "up\n"));
    assert!(!output.stderr_text().contains("could not be confirmed"), "{}", output.stderr_text());
    assert_eq!(alive(&tag), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_and_closing_kill_the_whole_family() {
    let server = Server::start().await;
    let sandbox = server.open().await;
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
