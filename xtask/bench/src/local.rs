//! `local`: what the local sandbox adds to a process of the host, and how it ends what it started.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use flue_core::{CancellationToken, Error, ErrorKind, ExecRequest, OpenRequest, Result, Sandbox};
use flue_sandbox_local::{Local, LocalSandbox};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::clock::monotonic_ns;
use crate::measure::Bench;
use crate::scratch::{Scratch, failed};
use crate::stats::{Spread, quantile};
use crate::table::{Goal, Row};

/// What does as little as a command can.
const NOTHING: &str = ":";
/// Commands of one round, one after the other.
const STEADY: usize = 200;
/// Memory that is in use while commands are started.
const BALLAST_BYTES: usize = 512 << 20;
/// Commands at a time, and how often.
const AT_ONCE: usize = 64;
const BATCHES: usize = 4;
/// Commands of one round that are ended while they run: some processes, one of them in a session of its own.
pub(crate) const KILLED: usize = 100;
const TREE: &str = "sleep 60 & setsid sleep 60 & (sleep 60 & sleep 60) & echo begun; wait";
/// Commands that are cancelled at any point of their life, and how many at a time.
const CANCELLED: usize = 10_000;
const STORM_AT_ONCE: usize = 16;
const STORM: &str = "setsid sleep 60 & sleep 60";
/// How long what was killed may take to be gone.
const SETTLED: Duration = Duration::from_secs(20);

const EXEC: &str = "`bash -c :` in the sandbox, beside the same by the standard library's `Command::output`; by the clock on \
    the wall";
const BALLAST: &str = "the same in a program that uses 512 MiB: a start that copies page tables would show";
const RATE: &str = "64 times `bash -c :` at once, beside the same by 64 threads of the standard library";
pub(crate) const KILL: &str =
    "from cancelling a command of six processes, one of them in a session of its own, to its result";
const TOOK: &str = "10,000 commands, each cancelled within 15 ms of its start, 16 at a time";
const LEFT: &str = "children, threads, descriptors and processes on the machine that were not there before those";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rig = Rig::new()?;
    let rounds = bench.rounds();
    let mut rows = vec![rig.exec("local: exec, ms", EXEC, rounds)?];
    let ballast = vec![1_u8; BALLAST_BYTES];
    rows.push(rig.exec("local: exec, 512 MiB in use, ms", BALLAST, rounds)?);
    drop(std::hint::black_box(ballast));
    rows.push(rig.at_once(rounds)?);
    rows.extend(rig.kills(rounds)?);
    rows.extend(rig.storm()?);
    Ok(rows)
}

struct Rig {
    runtime: Runtime,
    sandbox: Arc<LocalSandbox>,
    _scratch: Scratch,
}

impl Rig {
    fn new() -> Result<Self> {
        let scratch = Scratch::new("local")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
        let sandbox = runtime.block_on(Local::new(scratch.path()).create(OpenRequest::new("bench")))?;
        Ok(Self { runtime, sandbox, _scratch: scratch })
    }

    fn exec(&self, what: &str, means: &'static str, rounds: usize) -> Result<Row> {
        let (mut flue, mut host) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            host.push(each_ms(STEADY, by_host)?);
            flue.push(each_ms(STEADY, || self.runtime.block_on(by_flue(&self.sandbox)))?);
        }
        Ok(Row::new(what, Spread::of(flue), means).beside(Spread::of(host)))
    }

    fn at_once(&self, rounds: usize) -> Result<Row> {
        let (mut flue, mut host) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            host.push(each_ms(BATCHES, || {
                std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(by_host)).collect();
                    threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(broken())))
                })
            })?);
            flue.push(each_ms(BATCHES, || {
                self.runtime.block_on(async {
                    let mut running = JoinSet::new();
                    for _ in 0..AT_ONCE {
                        let sandbox = self.sandbox.clone();
                        running.spawn(async move { by_flue(&sandbox).await });
                    }
                    running.join_all().await.into_iter().collect()
                })
            })?);
        }
        let row = Row::new("local: 64 at once, ms", Spread::of(flue), RATE);
        Ok(row.beside(Spread::of(host)))
    }

    fn kills(&self, rounds: usize) -> Result<[Row; 2]> {
        let (mut medians, mut worst) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let kills = (0..KILLED).map(|_| self.runtime.block_on(kill_ms(&self.sandbox)));
            let mut kills = kills.collect::<Result<Vec<_>>>()?;
            kills.sort_by(f64::total_cmp);
            medians.push(quantile(&kills, 0.5));
            worst.push(quantile(&kills, 0.99));
        }
        Ok([
            Row::new("local: cancel, ms, median", Spread::of(medians), KILL),
            Row::new("local: cancel, ms, p99", Spread::of(worst), KILL),
        ])
    }

    fn storm(&self) -> Result<[Row; 2]> {
        let before = Holdings::take()?;
        let begun = monotonic_ns();
        self.runtime.block_on(async {
            let mut running = JoinSet::new();
            for number in 0..CANCELLED {
                if running.len() >= STORM_AT_ONCE {
                    running.join_next().await.unwrap_or_else(|| Ok(Err(broken()))).unwrap_or_else(|_| Err(broken()))?;
                }
                let sandbox = self.sandbox.clone();
                let wait = Duration::from_micros(number as u64 * 37 % 15_000);
                running.spawn(async move { cancelled(&sandbox, wait).await });
            }
            running.join_all().await.into_iter().collect::<Result<()>>()
        })?;
        let took = (monotonic_ns() - begun) as f64 / 1e9;
        let end = monotonic_ns() + u64::try_from(SETTLED.as_nanos()).unwrap_or(u64::MAX);
        // Threads that wait for work go by themselves, and who adopts a killed process takes its time.
        let mut left = Holdings::take()?.beyond(&before);
        while left > 0 && monotonic_ns() < end {
            std::thread::sleep(Duration::from_millis(50));
            left = Holdings::take()?.beyond(&before);
        }
        Ok([
            Row::new("local: 10,000 cancelled, s", Spread::exactly(took), TOOK),
            Row::new("local: left of those", Spread::exactly(left as f64), LEFT).goal(Goal::AtMost(0.0)),
        ])
    }
}

fn by_host() -> Result<()> {
    let mut command = Command::new("/bin/bash");
    command.args(["-c", NOTHING]).stdin(Stdio::null());
    let output = command.output().map_err(|error| failed("run bash", Path::new("/bin/bash"), error))?;
    if output.status.success() { Ok(()) } else { Err(broken()) }
}

pub(crate) async fn by_flue(sandbox: &LocalSandbox) -> Result<()> {
    if sandbox.exec(ExecRequest::new(NOTHING)).await?.success() { Ok(()) } else { Err(broken()) }
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "measure", "a command did not do what it should")
}

/// Milliseconds on the wall for one of `times`.
fn each_ms(times: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = monotonic_ns();
    for _ in 0..times {
        work()?;
    }
    Ok((monotonic_ns() - begun) as f64 / 1e6 / times as f64)
}

/// Milliseconds from cancelling a command to its result.
pub(crate) async fn kill_ms(sandbox: &LocalSandbox) -> Result<f64> {
    let cancel = CancellationToken::new();
    let begun = Arc::new(Begun::default());
    let request = ExecRequest::new(TREE).with_cancel(cancel.clone()).with_sink(begun.clone());
    let stop = async {
        begun.0.notified().await;
        cancel.cancel();
        monotonic_ns()
    };
    let (ended, at) = tokio::join!(async { (sandbox.exec(request).await, monotonic_ns()) }, stop);
    match ended {
        (Err(error), end) if error.is_cancelled() => Ok(end.saturating_sub(at) as f64 / 1e6),
        (Err(error), _) => Err(error),
        (Ok(_), _) => Err(broken()),
    }
}

/// Hears that a command has begun.
#[derive(Default)]
struct Begun(tokio::sync::Notify);

impl flue_core::OutputSink for Begun {
    fn output(&self, _: flue_core::OutputStream, _: &[u8]) {
        self.0.notify_one();
    }
}

async fn cancelled(sandbox: &LocalSandbox, wait: Duration) -> Result<()> {
    let cancel = CancellationToken::new();
    let run = sandbox.exec(ExecRequest::new(STORM).with_cancel(cancel.clone()));
    let stop = async {
        tokio::time::sleep(wait).await;
        cancel.cancel();
    };
    match tokio::join!(run, stop).0 {
        Err(error) if error.is_cancelled() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(broken()),
    }
}

/// What a process holds, and what runs on the machine because of it.
struct Holdings([usize; 4]);

impl Holdings {
    fn take() -> Result<Self> {
        let entries = |dir: &Path| {
            let entries = std::fs::read_dir(dir).map_err(|error| failed("list", dir, error))?;
            Ok::<Vec<_>, Error>(entries.flatten().map(|entry| entry.path()).collect())
        };
        let tasks = entries(Path::new("/proc/self/task"))?;
        let said = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let children = tasks.iter().map(|task| said(&task.join("children")).split_whitespace().count()).sum();
        let storm = STORM.rsplit(" & ").next().unwrap_or(STORM).replace(' ', "\0");
        let stragglers = entries(Path::new("/proc"))?;
        let stragglers = stragglers.iter().filter(|process| said(&process.join("cmdline")).contains(&storm)).count();
        Ok(Self([children, tasks.len(), entries(Path::new("/proc/self/fd"))?.len(), stragglers]))
    }

    /// How much more this is.
    fn beyond(&self, before: &Self) -> usize {
        self.0.iter().zip(before.0).map(|(now, before)| now.saturating_sub(before)).sum()
    }
}
