//! The clients: what runs the job, once or many times, and measures itself while it does.

mod floor;
mod flue;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, Result};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::clock::{own_cpu_ns, resident_bytes};
use crate::load::{Load, Report};
use crate::peers::ask;

/// How long all held agents may take to reach the request in which they wait.
const HOLD: Duration = Duration::from_secs(120);
/// How often the server is asked whether they are there.
const POLL: Duration = Duration::from_millis(50);
/// What the answer of every run has in it.
const ANSWER: &str = "I reviewed document.md";
/// The model of the runs that warm up a client which holds or keeps agents.
const WARM_UP_MODEL: &str = "scripted";
const NANOS_PER_MILLI: f64 = 1e6;

/// Something that does the review job over a model server.
trait Job: Sized + Send + Sync + 'static {
    /// What a run leaves behind; kept while idle agents are measured.
    type Kept: Send + 'static;

    /// Gets ready to do what `load` asks for with `model`.
    async fn open(load: &Load, model: &str) -> Result<Self>;

    /// Does the job once and gives the model's answer.
    fn run(&self, id: String) -> impl Future<Output = Result<(String, Self::Kept)>> + Send;
}

/// Runs as the client with a harness.
pub(crate) fn flue() -> Result<()> {
    on_a_runtime::<flue::Flue>()
}

/// Runs as the client without one.
pub(crate) fn floor() -> Result<()> {
    on_a_runtime::<floor::Floor>()
}

fn on_a_runtime<J: Job>() -> Result<()> {
    let load = Load::from_environment()?;
    let mut builder = if load.single { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.enable_all().build();
    let runtime =
        runtime.map_err(|error| Error::new(ErrorKind::Io, "start the runtime", "refused").with_source(error))?;
    let report = runtime.block_on(async {
        match (load.hold, load.idle) {
            (0, 0) => work::<J>(&load).await,
            (0, _) => keep::<J>(&load).await,
            _ => hold::<J>(&load).await,
        }
    })?;
    let line = serde_json::to_string(&report);
    println!("{}", line.map_err(|error| Error::new(ErrorKind::Internal, "report", "not JSON").with_source(error))?);
    Ok(())
}

/// Does the job many times.
async fn work<J: Job>(load: &Load) -> Result<Report> {
    let job = Arc::new(J::open(load, &load.model).await?);
    for index in 0..load.warm {
        job.run(format!("run-w{index}")).await?;
    }
    let (cpu, begun) = (own_cpu_ns(), Instant::now());
    let (next, failures) = (Arc::new(AtomicUsize::new(0)), Arc::new(Failures::default()));
    let mut workers = JoinSet::new();
    for _ in 0..load.concurrent {
        let (job, next, failures, runs) = (job.clone(), next.clone(), failures.clone(), load.runs);
        workers.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= runs {
                    break;
                }
                failures.look_at(job.run(format!("run-{index}")).await);
            }
        });
    }
    while workers.join_next().await.is_some() {}
    let (cpu, wall) = (own_cpu_ns() - cpu, begun.elapsed());
    Ok(failures.into_report(Report {
        n: load.runs,
        wall_ms: wall.as_secs_f64() * 1e3,
        cpu_self_per_run_ms: as_f64(cpu) / NANOS_PER_MILLI / as_f64(load.runs as u64),
        ..Report::default()
    }))
}

/// Starts agents that wait for the server in the middle of their job, and reads how much memory they take.
async fn hold<J: Job>(load: &Load) -> Result<Report> {
    warm_up::<J>(load).await?;
    let job = Arc::new(J::open(load, &load.model).await?);
    let before = resident_bytes()?;
    let mut agents = JoinSet::new();
    for index in 0..load.hold {
        let job = job.clone();
        agents.spawn(async move { job.run(format!("run-{index}")).await });
    }
    let address = address(&load.base)?;
    let until = Instant::now() + HOLD;
    while held(address)? < load.hold {
        if Instant::now() > until {
            return Err(Error::new(ErrorKind::Timeout, "hold agents", "not all of them came to wait")
                .with("held", held(address)?)
                .with("wanted", load.hold));
        }
        tokio::time::sleep(POLL).await;
    }
    let after = resident_bytes()?;
    ask(address, "POST", "/__release")?;
    let failures = Arc::new(Failures::default());
    while let Some(ended) = agents.join_next().await {
        let lost = |error| Error::new(ErrorKind::Internal, "hold agents", "one was lost").with_source(error);
        failures.look_at(ended.map_err(lost)?);
    }
    Ok(failures.into_report(memory(load.hold, before, after)))
}

/// Has agents do their whole job, keeps them, and reads how much memory they take.
async fn keep<J: Job>(load: &Load) -> Result<Report> {
    warm_up::<J>(load).await?;
    let job = J::open(load, &load.model).await?;
    let before = resident_bytes()?;
    let (mut kept, failures) = (Vec::new(), Arc::new(Failures::default()));
    for index in 0..load.idle {
        kept.extend(failures.look_at(job.run(format!("run-{index}")).await));
    }
    let after = resident_bytes()?;
    drop(kept);
    Ok(failures.into_report(memory(load.idle, before, after)))
}

/// Has everything that is made once be made before memory is first read.
async fn warm_up<J: Job>(load: &Load) -> Result<()> {
    let job = J::open(load, WARM_UP_MODEL).await?;
    for index in 0..load.warm {
        job.run(format!("run-w{index}")).await?;
    }
    Ok(())
}

fn memory(agents: usize, before: u64, after: u64) -> Report {
    let added = as_f64(after.saturating_sub(before));
    Report { n: agents, held: agents, kb_per_agent: added / 1024.0 / as_f64(agents as u64), ..Report::default() }
}

#[derive(Default)]
struct Failures(Mutex<(usize, String)>);

impl Failures {
    fn look_at<T>(&self, run: Result<(String, T)>) -> Option<T> {
        let why = match run {
            Ok((answer, kept)) if answer.contains(ANSWER) => return Some(kept),
            Ok((answer, _)) => format!("unexpected answer: {answer}"),
            Err(error) => format!("{error:#}"),
        };
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *failures = (failures.0 + 1, why);
        None
    }

    fn into_report(self: Arc<Self>, report: Report) -> Report {
        let (bad, err) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Report { bad, err, ..report }
    }
}

fn held(address: SocketAddr) -> Result<usize> {
    let text = ask(address, "GET", "/__held")?;
    text.trim().parse().map_err(|error| {
        Error::new(ErrorKind::Protocol, "hold agents", "the server does not count them").with_source(error)
    })
}

/// The address of a base URL such as `http://127.0.0.1:80`.
fn address(base: &str) -> Result<SocketAddr> {
    let host = base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/');
    host.parse().map_err(|error| {
        Error::new(ErrorKind::Config, "find the server", "its base URL has to be http:// and an address with a port")
            .with("base_url", base)
            .with_source(error)
    })
}

#[expect(clippy::cast_precision_loss, reason = "times and sizes of one process are far below 2^52")]
fn as_f64(value: u64) -> f64 {
    value as f64
}
