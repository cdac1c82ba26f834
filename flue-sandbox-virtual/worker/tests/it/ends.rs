//! Ends that are wanted: nothing is left behind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use flue_core::{ExecRequest, Sandbox};
use flue_sandbox_virtual::Virtual;

use crate::support::{children, contained, eventually, exists, fresh, kill, open, sh, status};

#[tokio::test]
async fn closing_leaves_no_process() {
    let sandbox = fresh().await;
    let pid = sandbox.pid();
    let run = sandbox.exec(ExecRequest::new("while :; do :; done"));
    let close = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sandbox.close().await.unwrap();
        assert!(!exists(pid), "it was waited for");
    };
    let (result, ()) = tokio::join!(run, close);
    assert!(result.is_err());
    sandbox.close().await.unwrap();
}

#[tokio::test]
async fn dropping_ends_the_process_too() {
    let factory = contained(Virtual::new());
    let (sandbox, beside) = (open(&factory).await, open(&factory).await);
    let pid = sandbox.pid();
    drop(sandbox);
    eventually("the process is gone", || !exists(pid)).await;
    // The factory may go before its sandboxes.
    drop(factory);
    assert_eq!(sh(&beside, "echo on").await, "on\n");
}

/// Runs the test of this name in a process of its own, where no other test's processes and descriptors are.
fn alone(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env("FLUE_ALONE", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Whether this is the process that [`alone`] starts.
fn is_alone() -> bool {
    std::env::var_os("FLUE_ALONE").is_some()
}

#[test]
fn nothing_is_left_of_a_hundred_sandboxes() {
    let output = alone("ends::a_hundred_sandboxes").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("nothing is left"), "{text}");
}

#[tokio::test]
async fn a_hundred_sandboxes() {
    let count = if is_alone() { 100 } else { 1 };
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || status(std::process::id(), "Threads").unwrap();
    let (descriptors_before, threads_before) = (descriptors(), threads());
    for index in 0..count {
        let sandbox = fresh().await;
        assert_eq!(sh(&sandbox, "echo on").await, "on\n");
        match index % 3 {
            0 => sandbox.close().await.unwrap(),
            1 => drop(sandbox),
            _ => {
                let dropped = tokio::time::timeout(Duration::from_millis(5), sandbox.exec(ExecRequest::new("sleep 9")));
                assert!(dropped.await.is_err());
            }
        }
    }
    if is_alone() {
        eventually("all processes are gone", || children().is_empty()).await;
        eventually("all threads are gone", || threads() <= threads_before).await;
        eventually("all descriptors are closed", || descriptors() <= descriptors_before).await;
        println!("nothing is left");
    }
}

#[test]
fn a_host_that_is_killed_takes_its_sandboxes_with_it() {
    let mut host = alone("ends::a_host_that_waits").spawn().unwrap();
    let lines = BufReader::new(host.stdout.take().unwrap()).lines();
    let pids: Vec<u32> = lines
        .map(|line| line.unwrap())
        .find_map(|line| line.split_once("pids: ").map(|(_, pids)| pids.to_owned()))
        .unwrap()
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert!(pids.len() >= 2 && pids.iter().all(|pid| exists(*pid)), "{pids:?}");
    host.kill().unwrap();
    host.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(eventually("all processes are gone", || !pids.iter().any(|pid| runs(*pid))));
}

/// Whether a process is there that does something: who inherits it may be slow to wait for it.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

#[tokio::test]
async fn a_host_that_waits() {
    if !is_alone() {
        return;
    }
    let factory = contained(Virtual::new()).warm(1);
    let sandbox = open(&factory).await;
    // One is busy, and one waits.
    factory.start().await.unwrap();
    let busy = tokio::spawn(async move { sandbox.exec(ExecRequest::new("while :; do :; done")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let pids: Vec<String> = children().iter().map(u32::to_string).collect();
    println!("pids: {}", pids.join(" "));
    std::io::stdout().flush().unwrap();
    let mut end = String::new();
    tokio::task::spawn_blocking(move || std::io::stdin().read_to_string(&mut end)).await.unwrap().unwrap();
    busy.abort();
}

#[test]
fn a_waiting_process_that_ends_is_replaced() {
    let output = alone("ends::a_pool_that_loses_one").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("replaced"), "{text}");
}

#[tokio::test]
async fn a_pool_that_loses_one() {
    if !is_alone() {
        return;
    }
    let factory = contained(Virtual::new()).warm(1);
    factory.start().await.unwrap();
    let [waiting] = children()[..] else { panic!("one waits: {:?}", children()) };
    kill("-KILL", waiting);
    eventually("it has ended", || !runs(waiting)).await;
    let sandbox = open(&factory).await;
    assert_ne!(sandbox.pid(), waiting);
    assert_eq!(sh(&sandbox, "echo on").await, "on\n");
    eventually("another one waits", || children().len() == 2).await;
    drop(factory);
    sandbox.close().await.unwrap();
    drop(sandbox);
    eventually("none is left", || children().is_empty()).await;
    println!("replaced");
}
