//! Commands that are stopped: by their time limit, by a token, by dropping the future.

use std::time::Duration;

use flue_core::{ErrorKind, ExecEnd, ExecRequest};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::group;
use crate::report::{CaseResult, Stop, ensure, ensure_eq};
use crate::sandbox::subject::{Subject, longest_poll, refused, timed};
use crate::sandbox::{Case, Need};

/// The time limit given to commands that never end.
const SHORT: Duration = Duration::from_millis(700);
/// When a running command is cancelled or dropped: long enough that it has begun.
const BEGUN: Duration = Duration::from_millis(700);
/// How long a sandbox may take to act, on a slow machine and over a slow line.
const PROMPT: Duration = Duration::from_secs(8);
/// How often it is looked whether a command has begun.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long what is left of a command that was stopped is given to show.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How long a busy command runs.
const BUSY: Duration = Duration::from_secs(3);
/// The longest that one poll of its future may hold the thread of its caller, on a machine that has other things to do.
const LONGEST_POLL: Duration = Duration::from_millis(1_500);

/// Commands that do not end by themselves: waiting, spinning, spinning in a child, filling a pipe.
const ENDLESS: &[&str] = &[
    "sleep 60",
    "while :; do :; done",
    "(while :; do :; done)",
    "x=$(while :; do :; done)",
    "while :; do echo x; done | cat > /dev/null",
];

pub(super) fn cases() -> Vec<Case> {
    group!("deadlines", [Need::Exec];
        a_command_out_of_time_is_a_result,
        what_was_said_before_the_time_was_up_is_kept,
        a_command_within_its_time_is_not_cut,
        a_command_out_of_time_does_nothing_more,
        a_cancelled_request_never_runs,
        cancelling_ends_a_running_command,
        a_cancelled_command_does_nothing_more,
        cancelling_after_the_end_changes_nothing,
        a_dropped_command_does_nothing_more,
        a_busy_command_does_not_hold_the_thread_of_its_caller,
    )
    .to_vec()
}

async fn a_command_out_of_time_is_a_result(t: &Subject) -> CaseResult {
    for command in ENDLESS {
        let (output, took) = timed(t.exec(t.command(*command).with_timeout(SHORT))).await;
        let output = output?;
        ensure_eq!((output.end, output.exit_code()), (ExecEnd::TimedOut, 124), "the end of `{command}`");
        ensure!(took >= SHORT, "`{command}` was cut after {took:?}, before its time was up");
        ensure!(took < SHORT + PROMPT, "`{command}` was cut after {took:?}");
    }
    t.still_works().await
}

async fn what_was_said_before_the_time_was_up_is_kept(t: &Subject) -> CaseResult {
    let command = "printf partial; echo error >&2; echo made > made; while :; do :; done";
    let output = t.exec(t.command(command).with_timeout(SHORT)).await?;
    ensure_eq!(output.end, ExecEnd::TimedOut, "the end");
    ensure_eq!((&*output.stdout, &*output.stderr), (&b"partial"[..], &b"error\n"[..]), "what it had said");
    ensure_eq!(t.get("made").await?, "made\n", "the file it had made");
    Ok(())
}

async fn a_command_within_its_time_is_not_cut(t: &Subject) -> CaseResult {
    let output = t.exec(t.command("sleep 1; echo done").with_timeout(Duration::from_secs(25))).await?;
    ensure_eq!((output.end, &*output.stdout), (ExecEnd::Exited(0), &b"done\n"[..]), "a command that took its time");
    // An exit status of 124 is the command's own, not the clock's.
    ensure_eq!(t.run("exit 124").await?.end, ExecEnd::Exited(124), "the end of `exit 124`");
    let output = t.exec(ExecRequest::new("echo unlimited")).await?;
    ensure_eq!(output.stdout, "unlimited\n", "a command without a limit");
    Ok(())
}

/// A command that leaves a mark once it is told to go on, and whose child would too.
const MARKS: &str = "echo begun > begun; (while [ ! -e go ]; do sleep 0.1; done; echo x > child-mark) & \
                     while [ ! -e go ]; do sleep 0.1; done; echo x > mark";

/// Waits until [`MARKS`] has begun.
async fn begun(t: &Subject) -> CaseResult {
    let file = t.at("begun")?;
    let wait = async {
        while t.fs().metadata(&file).await.is_err() {
            sleep(LOOK_EVERY).await;
        }
    };
    timeout(PROMPT, wait).await.map_err(|_| Stop::failed(format_args!("the command did not begin within {PROMPT:?}")))
}

/// Tells whatever is left of [`MARKS`] to go on.
async fn left_no_mark(t: &Subject) -> CaseResult {
    t.put("go", "").await?;
    sleep(AFTERMATH).await;
    let mut names = t.names("").await?;
    names.retain(|name| name.ends_with("mark"));
    ensure_eq!(names, [""; 0], "what the command left, some time after it was stopped");
    t.still_works().await
}

async fn a_command_out_of_time_does_nothing_more(t: &Subject) -> CaseResult {
    let output = t.exec(t.command(MARKS).with_timeout(SHORT)).await?;
    ensure_eq!(output.end, ExecEnd::TimedOut, "the end");
    left_no_mark(t).await
}

async fn a_cancelled_request_never_runs(t: &Subject) -> CaseResult {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let request = t.command("echo ran > ran").with_cancel(cancel);
    refused("a request cancelled before it ran", t.exec(request).await, &[ErrorKind::Cancelled])?;
    ensure_eq!(t.names("").await?, [""; 0], "nothing ran");
    t.still_works().await
}

async fn cancelling_ends_a_running_command(t: &Subject) -> CaseResult {
    for command in ENDLESS {
        let cancel = CancellationToken::new();
        let request = t.command(*command).with_cancel(cancel.clone());
        let stop = async {
            sleep(BEGUN).await;
            cancel.cancel();
        };
        let ((result, ()), took) = timed(futures_util::future::join(t.exec(request), stop)).await;
        refused(&format!("`{command}`, cancelled"), result, &[ErrorKind::Cancelled])?;
        ensure!(took < BEGUN + PROMPT, "`{command}` ended {took:?} after it was begun and cancelled");
    }
    t.still_works().await
}

async fn a_cancelled_command_does_nothing_more(t: &Subject) -> CaseResult {
    let cancel = CancellationToken::new();
    let request = t.command(MARKS).with_cancel(cancel.clone());
    let mut run = std::pin::pin!(t.exec(request));
    tokio::select! {
        output = &mut run => return Err(Stop::failed(format_args!("it ended by itself: {output:?}"))),
        begun = begun(t) => begun?,
    }
    cancel.cancel();
    let result = timeout(PROMPT, run).await;
    let result =
        result.map_err(|_| Stop::failed(format_args!("it did not end within {PROMPT:?} of its cancelling")))?;
    refused("a cancelled command", result, &[ErrorKind::Cancelled])?;
    left_no_mark(t).await
}

async fn cancelling_after_the_end_changes_nothing(t: &Subject) -> CaseResult {
    let cancel = CancellationToken::new();
    let output = t.exec(t.command("echo done").with_cancel(cancel.clone())).await?;
    cancel.cancel();
    ensure_eq!(output.stdout, "done\n", "the output");
    t.still_works().await
}

async fn a_dropped_command_does_nothing_more(t: &Subject) -> CaseResult {
    tokio::select! {
        output = t.exec(t.command(MARKS)) => return Err(Stop::failed(format_args!("it ended by itself: {output:?}"))),
        begun = begun(t) => begun?,
    }
    left_no_mark(t).await?;
    for command in ENDLESS {
        let (dropped, took) = timed(timeout(BEGUN, t.exec(t.command(*command)))).await;
        ensure!(dropped.is_err(), "`{command}` ended before it could be dropped");
        ensure!(took < BEGUN + PROMPT, "`{command}` was dropped after {took:?}");
    }
    t.still_works().await
}

async fn a_busy_command_does_not_hold_the_thread_of_its_caller(t: &Subject) -> CaseResult {
    let request = t.command("while :; do :; done").with_timeout(BUSY);
    let (output, longest) = longest_poll(t.exec(request)).await;
    ensure_eq!(output?.end, ExecEnd::TimedOut, "the end");
    ensure!(longest < LONGEST_POLL, "one poll of the future took {longest:?}");
    Ok(())
}
