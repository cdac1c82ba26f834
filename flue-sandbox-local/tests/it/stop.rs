//! How commands are ended.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecOutput, ExecRequest, Result, Sandbox};
use flue_sandbox_local::LocalSandbox;
use tokio_util::sync::CancellationToken;

use crate::alone::{eventually, long_sleep, running};
use crate::temp::Temp;

/// Runs a command and cancels it once the file `ready` is there.
async fn cancel_when_ready(temp: &Temp, sandbox: &LocalSandbox, command: &str) -> (Result<ExecOutput>, Duration) {
    let cancel = CancellationToken::new();
    let stop = async {
        eventually("the file `ready`", || temp.path().join("ready").exists()).await;
        cancel.cancel();
        Instant::now()
    };
    let run = sandbox.exec(ExecRequest::new(command).with_cancel(cancel.clone()));
    let (result, cancelled) = futures_util::future::join(run, stop).await;
    (result, cancelled.elapsed())
}

fn is_cancelled(result: Result<ExecOutput>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Cancelled)
}

#[tokio::test]
async fn what_is_said_on_the_way_out_is_kept() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let command = "trap 'echo cleanup; exit 7' TERM; echo begun; while :; do sleep 0.02; done";
    let output = sandbox.exec(ExecRequest::new(command).with_timeout(Duration::from_millis(400))).await.unwrap();
    assert_eq!((output.end, output.exit_code()), (ExecEnd::TimedOut, 124));
    assert_eq!(output.stdout, "begun\ncleanup\n");
}

#[tokio::test]
async fn what_ignores_the_signal_is_killed_after_two_seconds() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let command = "trap '' TERM; touch ready; while :; do sleep 0.05; done";
    let (result, took) = cancel_when_ready(&temp, &sandbox, command).await;
    assert!(is_cancelled(result));
    assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn once_the_shell_has_gone_nothing_else_is_waited_for() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let time = long_sleep();
    let command = format!("bash -c \"trap '' TERM; touch ready; while :; do sleep 0.05; done # {time}\" & wait");
    let (result, took) = cancel_when_ready(&temp, &sandbox, &command).await;
    assert!(is_cancelled(result));
    assert!(took < Duration::from_millis(1500), "{took:?}");
    assert_eq!(running(&time), 0);
}

/// A command with a child in a session of its own, one there that has no environment, and one that lost its parent.
fn scattered(time: &str) -> String {
    format!(
        "setsid sleep {time} & setsid env -i sleep {time} & (setsid sleep {time} &) ; \
         setsid bash -c 'env -i sleep {time} & wait' & (env -i sleep {time} &); \
         while [ $(pgrep -fc '^sleep {time}') -lt 5 ]; do sleep 0.02; done; touch ready; wait"
    )
}

#[tokio::test]
async fn children_in_sessions_of_their_own_go_with_a_cancelled_command() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let time = long_sleep();
    let (result, took) = cancel_when_ready(&temp, &sandbox, &scattered(&time)).await;
    assert!(is_cancelled(result));
    assert!(took < Duration::from_millis(1500), "{took:?}");
    assert_eq!(running(&time), 0);
}

#[tokio::test]
async fn children_in_sessions_of_their_own_are_asked_before_they_are_killed() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let polite = "trap 'echo heard > heard; exit' TERM; touch ready; while :; do sleep 0.02; done";
    let command = format!("setsid -w bash -c \"{polite}\" & trap 'wait; exit' TERM; wait");
    let (result, _) = cancel_when_ready(&temp, &sandbox, &command).await;
    assert!(is_cancelled(result));
    assert!(temp.path().join("heard").exists(), "the trap did not run");
}

#[tokio::test]
async fn children_in_sessions_of_their_own_go_with_a_dropped_command() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let time = long_sleep();
    tokio::select! {
        output = sandbox.exec(ExecRequest::new(scattered(&time))) => panic!("{output:?}"),
        () = eventually("the file `ready`", || temp.path().join("ready").exists()) => {}
    }
    eventually("the end of the processes", || running(&time) == 0).await;
}

#[test]
fn a_runtime_that_ends_takes_its_commands_along() {
    let temp = Temp::new();
    let time = long_sleep();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(temp.open());
    let command = scattered(&time);
    runtime.spawn(async move { sandbox.exec(ExecRequest::new(command)).await });
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(eventually("the file `ready`", || temp.path().join("ready").exists()));
    drop(runtime);
    other.block_on(eventually("the end of the processes", || running(&time) == 0));
}

#[tokio::test]
async fn a_stopped_process_hears_that_it_is_to_end() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let command = "trap 'echo ended > ended; exit' TERM; (sleep 0.3; touch ready) & kill -STOP $$; sleep 5";
    let (result, took) = cancel_when_ready(&temp, &sandbox, command).await;
    assert!(is_cancelled(result));
    assert!(took < Duration::from_millis(1500), "{took:?}");
    assert!(temp.path().join("ended").exists(), "the trap did not run");
}

#[tokio::test]
async fn cancelling_reaches_what_holds_the_pipes_of_a_shell_that_has_ended() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let time = long_sleep();
    // Keeps the call reading, and ends nobody by itself.
    let command = format!("(touch ready; while :; do echo x; sleep 0.01; done; sleep {time}) & exit 0");
    let (result, _) = cancel_when_ready(&temp, &sandbox, &command).await;
    assert!(is_cancelled(result));
    eventually("the end of the child", || running(&time) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_not_make_time_pass_for_processes() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let slow = ExecRequest::new("sleep 0.5; echo done").with_timeout(Duration::from_secs(20));
    assert_eq!(sandbox.exec(slow).await.unwrap().stdout, "done\n");
    let begun = Instant::now();
    let endless = ExecRequest::new("sleep 30").with_timeout(Duration::from_millis(300));
    assert_eq!(sandbox.exec(endless).await.unwrap().end, ExecEnd::TimedOut);
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < Duration::from_secs(5));
    let longest = ExecRequest::new("echo at once").with_timeout(Duration::MAX);
    assert_eq!(sandbox.exec(longest).await.unwrap().stdout, "at once\n");
}

#[tokio::test]
async fn other_commands_are_left_alone() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let other = sandbox.exec(ExecRequest::new("setsid -w sleep 2; echo whole"));
    let killed = async {
        for _ in 0..10 {
            let request = ExecRequest::new("setsid sleep 60 & sleep 60").with_timeout(Duration::from_millis(50));
            assert_eq!(sandbox.exec(request).await.unwrap().end, ExecEnd::TimedOut);
        }
    };
    let (other, ()) = futures_util::future::join(other, killed).await;
    assert_eq!(other.unwrap().stdout, "whole\n");
}
