//! Many commands: nothing is left of any of them.

use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_local::LocalSandbox;
use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use crate::alone::{eventually, is_alone, long_sleep, plainly, running};
use crate::temp::{Temp, said};

/// Descriptors, threads and children of this process.
pub(crate) fn holdings() -> (usize, usize, usize) {
    let count = |dir: &str| std::fs::read_dir(dir).unwrap().count();
    let children: usize = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .flatten()
        .map(|task| std::fs::read_to_string(task.path().join("children")).unwrap_or_default())
        .map(|children| children.split_whitespace().count())
        .sum();
    (count("/proc/self/fd"), count("/proc/self/task"), children)
}

#[test]
fn nothing_is_left_of_many_commands() {
    if !is_alone("stress::nothing_is_left_of_many_commands", plainly) {
        return;
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_keep_alive(Duration::from_millis(50)).enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = temp.open().await;
        said(&sandbox, "true").await;
        eventually("idle threads to go", || holdings().1 <= 4).await;
        let (fds, threads, children) = holdings();
        assert_eq!(children, 0);

        for number in 0..1000 {
            let output = sandbox.exec(ExecRequest::new(format!("exit {}", number % 7))).await.unwrap();
            assert_eq!(output.end, ExecEnd::Exited(number % 7));
        }
        at_once(&sandbox).await;
        floods(&sandbox).await;
        daemons(&sandbox).await;
        kill_storm(&sandbox).await;
        five_hundred_stopped(&sandbox).await;

        let now = || holdings();
        eventually("everything to be given back", || now() == (fds, threads, 0)).await;
    });
}

async fn at_once(sandbox: &LocalSandbox) {
    let begun = Instant::now();
    let runs = (0..64).map(async |number| {
        let output = sandbox.exec(ExecRequest::new(format!("sleep 0.2; echo {number}; exit {number}"))).await.unwrap();
        assert_eq!((output.end, &*output.stdout), (ExecEnd::Exited(number), format!("{number}\n").as_bytes()));
    });
    futures_util::future::join_all(runs).await;
    // In a row they would take 12.8 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// Output on both streams at once: of what ends it is all counted, what does not end is ended.
async fn floods(sandbox: &LocalSandbox) {
    const BYTES: u64 = 3_000_000;
    let runs = (0..16).map(async |number| {
        let flood = format!("head -c {BYTES} /dev/zero & head -c {BYTES} /dev/zero >&2; wait");
        if number % 2 == 0 {
            let output = sandbox.exec(ExecRequest::new(flood)).await.unwrap();
            assert_eq!((output.stdout.len() as u64, output.stderr.len() as u64), (BYTES, BYTES));
        } else {
            let endless = ExecRequest::new("yes & yes >&2; wait").with_timeout(Duration::from_millis(200));
            assert_eq!(sandbox.exec(endless).await.unwrap().end, ExecEnd::TimedOut);
        }
    });
    futures_util::future::join_all(runs).await;
}

/// Processes that leave their session and their parent: they outlive a command that ends, and go with one that is ended.
async fn daemons(sandbox: &LocalSandbox) {
    let (kept, killed) = (long_sleep(), long_sleep());
    let daemon = |time: &str| format!("setsid -f sleep {time} > /dev/null 2>&1");
    for _ in 0..20 {
        assert_eq!(sandbox.exec(ExecRequest::new(daemon(&kept))).await.unwrap().end, ExecEnd::Exited(0));
        let request = ExecRequest::new(format!("{}; sleep 60", daemon(&killed)));
        let output = sandbox.exec(request.with_timeout(Duration::from_millis(60))).await.unwrap();
        assert_eq!(output.end, ExecEnd::TimedOut);
    }
    eventually("the end of the daemons", || running(&killed) == 0).await;
    assert_eq!(running(&kept), 20);
    said(sandbox, &format!("pkill -f 'sleep {kept}'")).await;
}

/// Trees of processes, some of them in sessions of their own, killed while they grow.
async fn kill_storm(sandbox: &LocalSandbox) {
    let time = long_sleep();
    let tree =
        format!("for i in 1 2 3 4; do setsid bash -c 'for j in 1 2 3; do sleep {time} & done; wait' & done; wait");
    for wait in (0..20_u64).map(|round| Duration::from_millis(5 * round)) {
        let cancel = CancellationToken::new();
        let stop = async {
            tokio::time::sleep(wait).await;
            cancel.cancel();
            Instant::now()
        };
        let run = sandbox.exec(ExecRequest::new(&tree).with_cancel(cancel.clone()));
        let (result, cancelled) = futures_util::future::join(run, stop).await;
        assert!(cancelled.elapsed() < Duration::from_millis(1900), "after {wait:?}: {:?}", cancelled.elapsed());
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
        // A process that was killed still has to be taken off the table.
        let begun = Instant::now();
        while running(&time) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "{} run on, after {wait:?}", running(&time));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Commands that are cancelled, dropped or out of time, whatever they have come to.
async fn five_hundred_stopped(sandbox: &LocalSandbox) {
    let time = long_sleep();
    let stopped = (0..500_u64).map(async |number| {
        let wait = Duration::from_micros(number * 37 % 15_000);
        let request = ExecRequest::new(format!("setsid sleep {time} & sleep {time}"));
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
    stream::iter(stopped).buffer_unordered(16).collect::<Vec<()>>().await;
    eventually("the end of what was started", || running(&time) == 0).await;
}
