//! Many things at a time in one sandbox.

use std::time::Duration;

use flue_core::search::GrepQuery;
use flue_core::{ErrorKind, ExecEnd};
use futures_util::future::{join_all, try_join, try_join_all};

use super::group;
use crate::report::{CaseResult, ensure, ensure_eq};
use crate::sandbox::subject::Subject;
use crate::sandbox::{Case, Need};

/// As many tool calls as a model sends at once, and more.
const AT_ONCE: usize = 16;

pub(super) fn cases() -> Vec<Case> {
    [
        group!("concurrency", []; files_at_once, writers_of_one_file, directories_made_at_once).to_vec(),
        group!("concurrency", [Need::Exec]; commands_at_once, appends_at_once, files_and_commands_at_once).to_vec(),
        group!("concurrency", [Need::ConcurrentExec]; two_commands_meet, one_is_stopped_and_the_others_go_on).to_vec(),
    ]
    .concat()
}

async fn files_at_once(t: &Subject) -> CaseResult {
    let one = async |index: usize| {
        let name = format!("dir-{}/file-{index}", index % 3);
        t.put(&name, format!("{index}")).await?;
        ensure_eq!(t.get(&name).await?, format!("{index}"), "{name}");
        t.names("").await?;
        CaseResult::Ok(())
    };
    try_join_all((0..AT_ONCE).map(one)).await?;
    ensure_eq!(t.names("").await?, ["dir-0", "dir-1", "dir-2"], "the directories");
    Ok(())
}

async fn writers_of_one_file(t: &Subject) -> CaseResult {
    let content = |index: usize| format!("{index:02}").repeat(50_000);
    try_join_all((0..AT_ONCE).map(async |index| t.put("f", content(index)).await)).await?;
    let seen = t.get("f").await?;
    ensure!((0..AT_ONCE).any(|index| seen == content(index)), "the file is a mixture of {} bytes", seen.len());
    ensure_eq!(t.names("").await?, ["f"], "no temporary file is left");
    Ok(())
}

async fn directories_made_at_once(t: &Subject) -> CaseResult {
    try_join_all((0..AT_ONCE).map(async |index| t.put(&format!("a/b/c/{index:02}"), "").await)).await?;
    ensure_eq!(t.names("a/b/c").await?.len(), AT_ONCE, "the files in a directory that all of them made");
    Ok(())
}

async fn commands_at_once(t: &Subject) -> CaseResult {
    let one = async |index: usize| {
        let command = format!("x=$WHO; cd / ; export Y={index}; echo $x-$Y; echo e$x >&2; exit {index}");
        let output = t.exec(t.command(command).with_env("WHO", index.to_string())).await?;
        ensure_eq!(output.stdout, format!("{index}-{index}\n"), "standard output of command {index}");
        ensure_eq!(output.stderr, format!("e{index}\n"), "standard error of command {index}");
        ensure_eq!(output.end, ExecEnd::Exited(index as i32), "the end of command {index}");
        CaseResult::Ok(())
    };
    try_join_all((0..AT_ONCE).map(one)).await?;
    t.still_works().await
}

async fn appends_at_once(t: &Subject) -> CaseResult {
    let one = async |index: usize| t.sh(&format!("for i in 1 2 3 4 5; do echo {index} >> log; done")).await;
    try_join_all((0..AT_ONCE).map(one)).await?;
    let log = t.get("log").await?;
    ensure_eq!(log.iter().filter(|byte| **byte == b'\n').count(), 5 * AT_ONCE, "the lines that were appended");
    Ok(())
}

async fn files_and_commands_at_once(t: &Subject) -> CaseResult {
    let one = async |index: usize| {
        let (by_api, by_shell) = (format!("api-{index}"), format!("shell-{index}"));
        let data = format!("needle {index}\n");
        let copy = async { t.sh(&format!("echo needle {index} > {by_shell}")).await };
        let write = async { Ok(t.put(&by_api, data.clone()).await?) };
        try_join(copy, write).await?;
        ensure_eq!(t.get(&by_shell).await?, data, "a file that the shell wrote");
        ensure_eq!(t.sh(&format!("cat {by_api}")).await?, data, "a file that the file API wrote");
        CaseResult::Ok(())
    };
    try_join_all((0..AT_ONCE).map(one)).await?;
    let found = t.sandbox.grep(GrepQuery::new("^needle", t.dir.clone(), 5)).await?;
    ensure_eq!(found.total, 2 * AT_ONCE as u64, "the files found");
    Ok(())
}

async fn two_commands_meet(t: &Subject) -> CaseResult {
    let wait =
        |mine: &str, other: &str| format!("echo > {mine}; while [ ! -e {other} ]; do sleep 0.05; done; echo met");
    let (first, second) = try_join(t.run(wait("a", "b")), t.run(wait("b", "a"))).await?;
    ensure_eq!(
        (&*first.stdout, &*second.stdout),
        (&b"met\n"[..], &b"met\n"[..]),
        "two commands that wait for each other"
    );
    Ok(())
}

async fn one_is_stopped_and_the_others_go_on(t: &Subject) -> CaseResult {
    let commands = (0..AT_ONCE / 2).map(async |index| {
        let request = t.command("sleep 60");
        match index % 3 {
            0 => t.exec(t.command("sleep 2; echo done")).await,
            1 => t.exec(request.with_timeout(Duration::from_millis(300))).await,
            _ => {
                let cancel = tokio_util::sync::CancellationToken::new();
                let stop = async {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    cancel.cancel();
                };
                futures_util::future::join(t.exec(request.with_cancel(cancel.clone())), stop).await.0
            }
        }
    });
    for (index, result) in join_all(commands).await.into_iter().enumerate() {
        match (index % 3, result) {
            (0, result) => ensure_eq!(result?.stdout, "done\n", "a command that nobody stopped"),
            (1, result) => ensure_eq!(result?.end, ExecEnd::TimedOut, "a command out of time"),
            (_, result) => {
                let kind = result.err().map(|error| error.kind());
                ensure_eq!(kind, Some(ErrorKind::Cancelled), "a command that was cancelled");
            }
        }
    }
    t.still_works().await
}
