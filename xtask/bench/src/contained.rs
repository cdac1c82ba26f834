//! `contained`: what it costs that a virtual sandbox lives in a process of its own, beside the one in this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, ExecRequest, OpenRequest, Result, Sandbox};
use flue_sandbox_virtual::Virtual;
use flue_sandbox_virtual_worker::{Contained, ContainedSandbox};
use tokio::runtime::Runtime;

use crate::measure::Bench;
use crate::scratch::failed;
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Sandboxes that are opened in a round.
const OPENS: usize = 20;
/// Commands and file calls of a round.
const CALLS: usize = 300;
/// Work of a round that takes milliseconds.
const LARGE: usize = 10;
/// Bytes of the file that is written, read and sorted.
const FILE_BYTES: usize = 1 << 20;
/// Opening a sandbox from the pool, in milliseconds.
const OPEN_GOAL_MS: f64 = 5.0;

const ECHO: &str = "echo hi";
const PIPELINE: &str = "grep -v 7 file | sort | uniq -c | wc -l";

const WARM: &str =
    "a new sandbox, by the clock on the wall, from a process that waits; beside a new one in this process";
const COLD: &str = "the same when none waits: a process is started";
const FIRST: &str = "the first `echo hi` of a sandbox";
const STEADY: &str = "`echo hi` again and again in one sandbox";
const AT_ONCE: &str = "12 times `echo hi` at a time, until the last one ends";
const LARGE_PIPE: &str = "`grep | sort | uniq -c` over 1 MiB";
const WRITE: &str = "a file of 1 MiB through the file API";
const METADATA: &str = "the facts of a file through the file API: the least call there is";
const MEMORY: &str =
    "memory of a sandbox that nothing else has (private pages), before its first command and after 300 of them";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
    let rounds = bench.rounds();
    let described = Virtual::new().file("file", numbers());
    let (waiting, none) = (Contained::new(described.clone()), Contained::new(described.clone()).warm(0));

    let mut rows = Vec::new();
    let in_process = opens(&runtime, rounds, || {}, || async { described.create(OpenRequest::new("bench")).await })?;
    let pause = || std::thread::sleep(REFILL);
    let warm = opens(&runtime, rounds, pause, || async { waiting.create(OpenRequest::new("bench")).await })?;
    let cold = opens(&runtime, rounds, || {}, || async { none.create(OpenRequest::new("bench")).await })?;
    rows.push(
        Row::new("contained: open from the pool, ms", warm.0, WARM)
            .beside(in_process.0)
            .goal(Goal::AtMost(OPEN_GOAL_MS)),
    );
    rows.push(Row::new("contained: open, starting a process, ms", cold.0, COLD).beside(in_process.0));
    rows.push(Row::new("contained: first exec, ms", warm.1, FIRST).beside(in_process.1));

    let contained = runtime.block_on(waiting.create(OpenRequest::new("bench")))?;
    let plain = runtime.block_on(described.create(OpenRequest::new("bench")))?;
    let idle = private_mib(&contained)?;
    for (what, means, times, work) in CASES {
        let mut both = [Vec::new(), Vec::new()];
        let sandboxes: [Arc<dyn Sandbox>; 2] = [contained.clone(), plain.clone()];
        for _ in 0..rounds {
            for (times_taken, sandbox) in both.iter_mut().zip(&sandboxes) {
                times_taken.push(milliseconds(*times, || work(&runtime, sandbox))?);
            }
        }
        let [contained, plain] = both.map(Spread::of);
        rows.push(Row::new(*what, contained, means).beside(plain));
    }
    let used = private_mib(&contained)?;
    runtime.block_on(contained.close())?;
    rows.push(Row::new("contained: memory, MiB", Spread::exactly(idle), MEMORY));
    rows.push(Row::new("contained: memory after use, MiB", Spread::exactly(used), MEMORY));
    Ok(rows)
}

/// Long enough for the pool to have a process again.
const REFILL: Duration = Duration::from_millis(60);

type Work = fn(&Runtime, &Arc<dyn Sandbox>) -> Result<()>;

/// What is done, what it means, how often in a round.
const CASES: &[(&str, &str, usize, Work)] = &[
    ("contained: steady exec, ms", STEADY, CALLS, |runtime, sandbox| runtime.block_on(run(sandbox, ECHO))),
    ("contained: 12 execs at once, ms", AT_ONCE, LARGE, |runtime, sandbox| {
        let tasks: Vec<_> = (0..12)
            .map(|_| {
                let sandbox = Arc::clone(sandbox);
                runtime.spawn(async move { run(&sandbox, ECHO).await })
            })
            .collect();
        tasks.into_iter().try_for_each(|task| {
            let joined = runtime.block_on(task);
            joined.map_err(|error| Error::new(ErrorKind::Internal, "measure", "a task failed").with_source(error))?
        })
    }),
    ("contained: pipeline over 1 MiB, ms", LARGE_PIPE, LARGE, |runtime, sandbox| {
        runtime.block_on(run(sandbox, PIPELINE))
    }),
    ("contained: metadata, ms", METADATA, CALLS, |runtime, sandbox| {
        let path = sandbox.info().cwd.join("file")?;
        runtime.block_on(sandbox.fs().metadata(&path)).map(drop)
    }),
    ("contained: write 1 MiB, ms", WRITE, LARGE, |runtime, sandbox| {
        let path = sandbox.info().cwd.join("written")?;
        runtime.block_on(sandbox.fs().write(&path, vec![b'x'; FILE_BYTES].into()))
    }),
    ("contained: read 1 MiB, ms", WRITE, LARGE, |runtime, sandbox| {
        let path = sandbox.info().cwd.join("file")?;
        runtime.block_on(sandbox.fs().read(&path)).map(drop)
    }),
];

/// How long opening takes, and the first command after it, in milliseconds.
fn opens<S, F>(runtime: &Runtime, rounds: usize, before: impl Fn(), open: impl Fn() -> F) -> Result<(Spread, Spread)>
where
    S: Sandbox,
    F: Future<Output = Result<Arc<S>>>,
{
    let (mut opened, mut first) = (Vec::new(), Vec::new());
    // Once for what is made once.
    runtime.block_on(async { open().await?.close().await })?;
    for _ in 0..rounds {
        let (mut opens, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..OPENS {
            before();
            let begun = Instant::now();
            let sandbox: Arc<dyn Sandbox> = runtime.block_on(open())?;
            opens.push(begun.elapsed().as_secs_f64() * 1e3);
            firsts.push(milliseconds(1, || runtime.block_on(run(&sandbox, ECHO)))?);
            runtime.block_on(sandbox.close())?;
        }
        opened.push(Spread::of(opens).median);
        first.push(Spread::of(firsts).median);
    }
    Ok((Spread::of(opened), Spread::of(first)))
}

#[expect(clippy::cast_precision_loss, reason = "times of a measurement are far below 2^52")]
fn milliseconds(times: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..times {
        work()?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3 / times as f64)
}

async fn run(sandbox: &Arc<dyn Sandbox>, script: &str) -> Result<()> {
    if sandbox.exec(ExecRequest::new(script)).await?.success() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, "measure", "the command did not succeed").with("command", script))
}

/// Pages in memory that a sandbox's process shares with nobody.
#[expect(clippy::cast_precision_loss, reason = "the memory of a machine is far below 2^52 KiB")]
fn private_mib(sandbox: &ContainedSandbox) -> Result<f64> {
    let path = format!("/proc/{}/smaps_rollup", sandbox.pid());
    let text = std::fs::read_to_string(&path).map_err(|error| failed("read", Path::new(&path), error))?;
    let fields = text.lines().filter(|line| line.starts_with("Private_"));
    let kib: u64 = fields.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum();
    Ok(kib as f64 / 1024.0)
}

fn numbers() -> String {
    let mut text = String::new();
    for index in 0_usize.. {
        if text.len() >= FILE_BYTES {
            break;
        }
        text.push_str(&format!("line {} of the file\n", index.wrapping_mul(7919) % 10_000));
    }
    text
}
