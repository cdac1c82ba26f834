//! What is left of confined commands: nothing.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_local::Tier;
use tokio_util::sync::CancellationToken;

use super::place::{Place, is_at};
use super::{confined, policy};
use crate::alone::{eventually, long_sleep, running};
use crate::stress::holdings;
use crate::temp::{Temp, said};

/// How many commands are stopped.
const STOPPED: u64 = 600;

#[test]
fn nothing_is_left_of_stopped_commands() {
    if is_at(Place::Same, "confined::lasting::nothing_is_left_of_stopped_commands") {
        stopped(Tier::Namespaces);
    }
}

#[test]
fn nothing_is_left_of_stopped_commands_by_landlock_alone() {
    if is_at(Place::WithoutNamespaces, "confined::lasting::nothing_is_left_of_stopped_commands_by_landlock_alone") {
        stopped(Tier::Landlock);
    }
}

/// Commands that are cancelled, dropped or out of time, whatever they have come to, some while their helper is at work.
fn stopped(tier: Tier) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_keep_alive(Duration::from_millis(50)).enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = confined(temp.path(), policy().min_tier(tier)).await;
        said(&sandbox, "true").await;
        eventually("idle threads to go", || holdings().1 <= 4).await;
        let before = holdings();
        let time = long_sleep();
        let command = format!("(setsid env -i sleep {time} &); setsid bash -c 'sleep {time} & wait' & sleep {time}");
        let stops = (0..STOPPED).map(async |number| {
            let wait = Duration::from_micros(number * 37 % 30_000);
            let request = ExecRequest::new(&command);
            match number % 3 {
                0 => {
                    let _ = tokio::time::timeout(wait, sandbox.exec(request)).await;
                }
                1 => {
                    let output = sandbox.exec(request.with_timeout(wait)).await.unwrap();
                    assert_eq!(output.end, ExecEnd::TimedOut);
                }
                _ => {
                    let cancel = CancellationToken::new();
                    let run = sandbox.exec(request.with_cancel(cancel.clone()));
                    let stop = async {
                        tokio::time::sleep(wait).await;
                        cancel.cancel();
                    };
                    let (result, ()) = futures_util::future::join(run, stop).await;
                    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
                }
            }
        });
        futures_util::StreamExt::collect::<Vec<()>>(futures_util::StreamExt::buffer_unordered(
            futures_util::stream::iter(stops),
            8,
        ))
        .await;
        eventually("the end of what was started", || running(&time) == 0).await;
        let now = || holdings();
        eventually("everything to be given back", || now() == before).await;
    });
}

#[tokio::test]
async fn what_hides_and_forks_ends_with_its_command() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let time = long_sleep();
    // Clears its environment, leaves its session, loses its parent and moves on, over and over.
    let comet = format!(
        "python3 -c 'import os,time\nwhile True:\n if os.fork():os._exit(0)\n os.setsid();time.sleep(0.0002)' {time} & \
         for i in $(seq 50); do (env -i setsid sleep {time} &); done; touch ready; sleep {time}"
    );
    let cancel = CancellationToken::new();
    let stop = async {
        eventually("the file `ready`", || temp.path().join("ready").exists()).await;
        cancel.cancel();
        Instant::now()
    };
    let run = sandbox.exec(ExecRequest::new(comet).with_cancel(cancel.clone()));
    let (result, cancelled) = futures_util::future::join(run, stop).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(running(&time), 0, "after {:?}", cancelled.elapsed());
}

#[tokio::test]
async fn every_process_is_asked_before_it_is_killed() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let polite = "trap 'echo heard > heard; exit' TERM; touch ready; while :; do sleep 0.02; done";
    let command =
        format!("(env -i PATH=$PATH setsid bash -c \"{polite}\" &); trap 'sleep 0.3; exit' TERM; sleep 60 & wait");
    let cancel = CancellationToken::new();
    let stop = async {
        eventually("the file `ready`", || temp.path().join("ready").exists()).await;
        cancel.cancel();
    };
    let run = sandbox.exec(ExecRequest::new(command).with_cancel(cancel.clone()));
    let (result, ()) = futures_util::future::join(run, stop).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(temp.path().join("heard").exists(), "the trap did not run");
}

#[tokio::test]
async fn what_ignores_the_signal_is_killed_after_two_seconds() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let sandbox = confined(temp.path(), policy()).await;
    let begun = Instant::now();
    let request = ExecRequest::new("trap '' TERM; echo on; while :; do sleep 0.05; done");
    let output = sandbox.exec(request.with_timeout(Duration::from_millis(300))).await.unwrap();
    assert_eq!((output.end, &*output.stdout), (ExecEnd::TimedOut, &b"on\n"[..]));
    assert!((2200..4500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[test]
fn a_program_that_is_killed_takes_its_commands_along() {
    if !crate::machine::confines() {
        return;
    }
    let name = "confined::lasting::a_program_that_is_killed_takes_its_commands_along";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    const TIME: &str = "FLUE_TEST_TIME";
    if let Ok(time) = std::env::var(TIME) {
        runtime.block_on(async {
            let temp = Temp::new();
            let sandbox = confined(temp.path(), policy()).await;
            let command = format!("(env -i setsid sleep {time} &); sleep {time}");
            sandbox.exec(ExecRequest::new(command)).await.unwrap();
        });
        unreachable!("nothing ends it but a signal");
    }
    let time = long_sleep();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let mut child = child.args(["--exact", name]).env(TIME, &time).stdout(std::process::Stdio::null()).spawn().unwrap();
    runtime.block_on(async {
        eventually("both processes", || running(&format!("sleep\0{time}")) == 2).await;
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("the end of both", || running(&format!("sleep\0{time}")) == 0).await;
    });
}

#[test]
fn its_own_files_go_with_the_sandbox() {
    // Nothing is inaccessible to the administrator.
    if !is_at(Place::Somebody, "confined::lasting::its_own_files_go_with_the_sandbox") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let home = runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = confined(temp.path(), policy()).await;
        let home = said(&sandbox, "mkdir -p ~/a/b && touch ~/a/b/c && chmod 0 ~/a/b ~/a && printf %s ~").await;
        sandbox.close().await.unwrap();
        home
    });
    // The runtime does nothing any more, like that of a program that ends.
    assert!(!std::path::Path::new(&home).parent().unwrap().exists(), "{home}");
    drop(runtime);
}
