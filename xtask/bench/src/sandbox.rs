//! `sandbox`: what the virtual sandbox costs by itself, beside the host's own bash.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use flue_core::search::GrepQuery;
use flue_core::{Error, ErrorKind, ExecRequest, OpenRequest, Result, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualSandbox};
use tokio::runtime::Runtime;

use crate::clock::{children_cpu_ns, own_cpu_ns};
use crate::measure::Bench;
use crate::scratch::{Scratch, failed};
use crate::stats::Spread;
use crate::table::Row;

/// Files that are searched, in so many directories.
const FILES: usize = 2000;
const DIRECTORIES: usize = 40;
/// Lines of a file that is searched.
const LINES: usize = 30;
/// Files with a line to be found.
const HITS: usize = 20;
/// Bytes of the log that goes through the pipeline.
const LOG_BYTES: usize = 1 << 20;

const ECHO: &str = "echo hi";
const PIPELINE: &str = "grep -v DEBUG app.log | sort | uniq -c > counts.txt";
const GREP: &str = "grep -rn needle files";
const LOG: &str = "app.log";

/// A figure of this measurement.
struct Case {
    what: &'static str,
    means: &'static str,
    /// How often it is done in a round.
    times: usize,
    flue: fn(&Rig) -> Result<()>,
    /// What bash does beside it, as a command line.
    host: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case {
        what: "sandbox: open, ms",
        means: "a new virtual sandbox with one file in it",
        times: 200,
        flue: |rig| rig.runtime.block_on(rig.factory.create(OpenRequest::new("open"))).map(drop),
        host: None,
    },
    Case {
        what: "sandbox: first exec, ms",
        means: "a new sandbox of a new factory and `echo hi` in it: threads are started",
        times: 30,
        flue: |rig| {
            rig.runtime.block_on(async { echo(&*Virtual::new().create(OpenRequest::new("first")).await?).await })
        },
        host: Some(ECHO),
    },
    Case {
        what: "sandbox: steady exec, ms",
        means: "`echo hi` again and again in one sandbox, beside `bash -c 'echo hi'`",
        times: 300,
        flue: |rig| rig.runtime.block_on(echo(&*rig.sandbox)),
        host: Some(ECHO),
    },
    Case {
        what: "sandbox: pipeline over 1 MB, ms",
        means: "`grep -v DEBUG app.log | sort | uniq -c` over a log of 1 MB",
        times: 5,
        flue: |rig| rig.runtime.block_on(exec(&*rig.sandbox, PIPELINE)).map(drop),
        host: Some(PIPELINE),
    },
    Case {
        what: "sandbox: grep tool, 2,000 files, ms",
        means: "the search that the grep tool makes, beside the host's `grep -rn`",
        times: 5,
        flue: |rig| rig.runtime.block_on(search(&*rig.sandbox)),
        host: Some(GREP),
    },
    Case {
        what: "sandbox: grep -rn, 2,000 files, ms",
        means: "`grep -rn` in the emulated bash, beside the host's",
        times: 5,
        flue: |rig| {
            let hits = rig.runtime.block_on(exec(&*rig.sandbox, GREP))?.lines().count();
            demand(hits, "grep -rn")
        },
        host: Some(GREP),
    },
];

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rig = Rig::new()?;
    let has_bash = rig.host(ECHO).is_ok();
    let mut rows = Vec::new();
    for case in CASES {
        let (mut flue, mut host) = (Vec::new(), Vec::new());
        // Once for what is made once.
        (case.flue)(&rig)?;
        for _ in 0..bench.rounds() {
            flue.push(cpu_ms(case.times, || (case.flue)(&rig))?);
            if let Some(script) = case.host.filter(|_| has_bash) {
                host.push(cpu_ms(case.times, || rig.host(script))?);
            }
        }
        let row = Row::new(case.what, Spread::of(flue), case.means);
        rows.push(if host.is_empty() { row } else { row.beside(Spread::of(host)) });
    }
    Ok(rows)
}

/// Milliseconds of processor time, of this process and of its children, for one of `times`.
#[expect(clippy::cast_precision_loss, reason = "times of a measurement are far below 2^52")]
pub(crate) fn cpu_ms(times: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let all = || Ok::<_, Error>(own_cpu_ns() + children_cpu_ns()?);
    let before = all()?;
    for _ in 0..times {
        work()?;
    }
    Ok((all()? - before) as f64 / 1e6 / times as f64)
}

/// The same files in a virtual sandbox and on the host.
struct Rig {
    runtime: Runtime,
    factory: Virtual,
    sandbox: Arc<VirtualSandbox>,
    scratch: Scratch,
}

impl Rig {
    fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
        let scratch = Scratch::new("sandbox")?;
        scratch.write(LOG, &log())?;
        for index in 0..FILES {
            scratch.write(&format!("files/{}/{index}.txt", index % DIRECTORIES), &searched(index))?;
        }
        let factory = Virtual::new().file(LOG, "one line\n");
        let sandbox = runtime.block_on(Virtual::new().dir(scratch.path()).create(OpenRequest::new("rig")))?;
        Ok(Self { runtime, factory, sandbox, scratch })
    }

    fn host(&self, script: &str) -> Result<()> {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.scratch.path()).stdin(Stdio::null());
        // As in the virtual sandbox.
        command.env("LC_ALL", "C.UTF-8");
        let output = command.output().map_err(|error| failed("run bash", Path::new("bash"), error))?;
        demand_success(output.status.success(), script)
    }
}

async fn exec(sandbox: &dyn Sandbox, script: &str) -> Result<String> {
    let output = sandbox.exec(ExecRequest::new(script)).await?;
    demand_success(output.success(), script)?;
    Ok(output.stdout_text().into_owned())
}

async fn echo(sandbox: &dyn Sandbox) -> Result<()> {
    let said = exec(sandbox, ECHO).await?;
    demand_success(said == "hi\n", ECHO)
}

async fn search(sandbox: &dyn Sandbox) -> Result<()> {
    let files = sandbox.info().cwd.join("files")?;
    let hits = sandbox.grep(GrepQuery::new("needle", files, FILES)).await?;
    demand(hits.matches.len(), "grep")
}

fn demand(found: usize, what: &'static str) -> Result<()> {
    demand_success(found == HITS, what)
}

fn demand_success(held: bool, what: &str) -> Result<()> {
    if held {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Internal, "measure", "the work was not done as it should be").with("work", what))
}

/// Lines of a log of which some repeat.
fn log() -> String {
    const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];
    let mut text = String::new();
    for index in 0.. {
        if text.len() >= LOG_BYTES {
            break;
        }
        let level = LEVELS[index % LEVELS.len()];
        let _ = writeln!(text, "{level} worker-{}: handled request {} in {} ms", index % 7, index % 1000, index % 90);
    }
    text
}

fn searched(index: usize) -> String {
    let mut text: String =
        (0..LINES).map(|line| format!("line {line} of file {index}: nothing to be found\n")).collect();
    if index.is_multiple_of(FILES / HITS) {
        text.push_str("here is the needle\n");
    }
    text
}
