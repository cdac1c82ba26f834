//! `remote`: what each adapter adds to the same work done by the provider's own client, on machines that are started here.
//!
//! What this machine cannot start is a row that says so.

mod client;
mod engine;
mod provider;
mod request;
mod script;
mod ssh;

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use flue_core::{
    CopyLimits, CreateDir, Error, ErrorKind, ExecRequest, OpenRequest, Remove, Result, Sandbox as _, SandboxPath,
    copy_tree,
};
use flue_sandbox_local::{Local, LocalSandbox};
use flue_sandbox_remote::{Provider, Remote, RemoteSandbox};
use tokio::runtime::Runtime;

use self::client::Client;
use crate::clock::monotonic_ns;
use crate::measure::Bench;
use crate::scratch::{Scratch, failed};
use crate::stats::{Spread, quantile};
use crate::table::Row;

/// Commands of one round, one after the other.
const COMMANDS: usize = 200;
/// Bytes of the large file.
const LARGE_BYTES: usize = 64 << 20;
/// How many small files, and bytes of each.
const SMALL_FILES: usize = 1000;
const SMALL_BYTES: usize = 1 << 10;
/// Beneath the workspace: where Flue works, and where the other client does.
const FLUES: &str = "flue";
const OTHERS: &str = "other";

const MEDIAN: &str = "200 times `true`, one after the other, by the clock on the wall, in a sandbox that is open; beside it the \
    client that the row names: a program is started each time, a bare request goes over one connection";
const WORST: &str = "the slowest but two of those 200";
const UP: &str = "one file of 64 MiB of random bytes onto the machine, in 10^6 bytes a second";
const DOWN: &str = "the same file back";
const FILES: &str =
    "a directory of 1,000 files of 1 KiB onto the machine, as `flue run --stage` does it; beside it one archive";
const STAND_IN: &str =
    "the same at a stand-in for the provider, which runs commands for real: its own cost is in all rows that say so";

/// Starts a place to measure.
type Start = fn(&Runtime, &Load) -> Result<Place>;

/// All of them.
const PLACES: &[(&str, Start)] = &[
    ("ssh", ssh::start),
    ("docker", |runtime, load| engine::start(runtime, load, &engine::DOCKER)),
    ("podman", |runtime, load| engine::start(runtime, load, &engine::PODMAN)),
    ("e2b", provider::e2b),
    ("daytona", provider::daytona),
    ("cloudflare", provider::cloudflare),
    ("kubernetes", provider::kubernetes),
];

/// A sandbox of one adapter, and what does the same work beside it.
struct Place {
    sandbox: Arc<RemoteSandbox>,
    clients: Vec<Box<dyn Client>>,
    is_stand_in: bool,
    /// Ends, after the others, what was started.
    _held: Box<dyn Any>,
}

impl Place {
    /// Where the other client works, as the machine calls it.
    fn others(sandbox: &RemoteSandbox) -> String {
        format!("{}/{OTHERS}", sandbox.info().cwd)
    }
}

/// Opens a sandbox, with the directories of both sides.
async fn open(provider: impl Provider) -> Result<Arc<RemoteSandbox>> {
    let sandbox = Remote::new(provider).create(OpenRequest::new("bench")).await?;
    for dir in [FLUES, OTHERS] {
        sandbox.fs().create_dir(&sandbox.info().cwd.join(dir)?, CreateDir::recursive()).await?;
    }
    Ok(sandbox)
}

/// What is done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Runs `true`.
    Exec,
    /// Puts the large file there.
    Up,
    /// Gets it back.
    Down,
    /// Puts the small files there.
    Files,
}

/// What goes there, on this machine's disk.
struct Load {
    scratch: Scratch,
    data: Bytes,
    local: Arc<LocalSandbox>,
}

impl Load {
    fn new(runtime: &Runtime) -> Result<Self> {
        let scratch = Scratch::new("remote")?;
        let data = noise(LARGE_BYTES)?;
        let (large, small) = (scratch.path().join("large"), scratch.path().join("small"));
        std::fs::write(&large, &data).map_err(|error| failed("write", &large, error))?;
        std::fs::create_dir(&small).map_err(|error| failed("make a directory", &small, error))?;
        for (index, bytes) in data.chunks(SMALL_BYTES).take(SMALL_FILES).enumerate() {
            let file = small.join(format!("{index:03}"));
            std::fs::write(&file, bytes).map_err(|error| failed("write", &file, error))?;
        }
        let local = runtime.block_on(Local::new(scratch.path()).create(OpenRequest::new("load")))?;
        Ok(Self { scratch, data: data.into(), local })
    }

    fn large(&self) -> PathBuf {
        self.scratch.path().join("large")
    }

    fn small(&self) -> PathBuf {
        self.scratch.path().join("small")
    }

    /// Where a client leaves what it got back.
    fn came(&self) -> PathBuf {
        self.scratch.path().join("came")
    }
}

/// Bytes that nothing makes smaller.
fn noise(bytes: usize) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let source = Path::new("/dev/urandom");
    let mut data = vec![0; bytes];
    let mut read = || std::fs::File::open(source)?.read_exact(&mut data);
    read().map_err(|error| failed("read", source, error))?;
    Ok(data)
}

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
    let _inside = runtime.enter();
    let load = Load::new(&runtime)?;
    let mut rows = Vec::new();
    for (name, start) in PLACES {
        eprintln!("  {name}");
        match start(&runtime, &load).and_then(|place| Rig { name, runtime: &runtime, load: &load, place }.rows(bench)) {
            Ok(found) => rows.extend(found),
            Err(error) => rows.push(Row::missing(*name, &error)),
        }
    }
    Ok(rows)
}

/// What one side took, round by round: milliseconds, 10^6 bytes a second, seconds.
#[derive(Default)]
struct Figures {
    median_ms: Vec<f64>,
    worst_ms: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
    files_s: Vec<f64>,
}

struct Rig<'a> {
    name: &'a str,
    runtime: &'a Runtime,
    load: &'a Load,
    place: Place,
}

impl Rig<'_> {
    fn rows(mut self, bench: &Bench) -> Result<Vec<Row>> {
        let mut sides: Vec<Figures> = Vec::new();
        sides.resize_with(self.place.clients.len() + 1, Figures::default);
        // Once for what is made once.
        (0..sides.len()).try_for_each(|side| self.run(side, Work::Exec).map(drop))?;
        for _ in 0..bench.rounds() {
            for work in [Work::Exec, Work::Up, Work::Down, Work::Files] {
                for (side, figures) in sides.iter_mut().enumerate() {
                    self.round(side, work, figures)?;
                }
            }
        }
        self.runtime.block_on(self.place.sandbox.close())?;
        // Flue is the last of them.
        let flue = sides.pop().unwrap_or_default();
        Ok(self.table(&flue, &sides))
    }

    fn table(&self, flue: &Figures, others: &[Figures]) -> Vec<Row> {
        type Part = fn(&Figures) -> &Vec<f64>;
        let parts: [(&str, &'static str, Part); 5] = [
            ("exec, ms, median", MEDIAN, |figures| &figures.median_ms),
            ("exec, ms, p99", WORST, |figures| &figures.worst_ms),
            ("64 MiB up, MB/s", UP, |figures| &figures.up),
            ("64 MiB down, MB/s", DOWN, |figures| &figures.down),
            ("1,000 files up, s", FILES, |figures| &figures.files_s),
        ];
        let spread = |values: &Vec<f64>| Spread::of(values.iter().copied());
        let mut rows = Vec::new();
        for (index, (what, means, part)) in parts.into_iter().enumerate() {
            let means = if self.place.is_stand_in && index == 0 { STAND_IN } else { means };
            let at = if self.place.is_stand_in { ", stand-in" } else { "" };
            let what = format!("{}{at}: {what}", self.name);
            let before = rows.len();
            for (client, figures) in self.place.clients.iter().zip(others) {
                if !part(figures).is_empty() {
                    let what = format!("{what} ({})", client.name());
                    rows.push(Row::new(what, spread(part(flue)), means).beside(spread(part(figures))));
                }
            }
            if rows.len() == before {
                rows.push(Row::new(what, spread(part(flue)), means));
            }
        }
        rows
    }

    /// One round of one side.
    fn round(&mut self, side: usize, work: Work, figures: &mut Figures) -> Result<()> {
        if work == Work::Exec {
            let mut times = (0..COMMANDS).map(|_| self.run(side, work)).collect::<Result<Option<Vec<_>>>>()?;
            let Some(times) = &mut times else { return Ok(()) };
            times.sort_by(f64::total_cmp);
            figures.median_ms.push(quantile(times, 0.5) * 1e3);
            figures.worst_ms.push(quantile(times, 0.99) * 1e3);
            return Ok(());
        }
        let Some(seconds) = self.run(side, work)? else { return Ok(()) };
        self.runtime.block_on(self.check(side, work))?;
        match work {
            Work::Exec => {}
            Work::Up => figures.up.push(LARGE_BYTES as f64 / 1e6 / seconds),
            Work::Down => figures.down.push(LARGE_BYTES as f64 / 1e6 / seconds),
            Work::Files => figures.files_s.push(seconds),
        }
        Ok(())
    }

    /// Seconds on the wall; none where this side has no way to do it.
    fn run(&mut self, side: usize, work: Work) -> Result<Option<f64>> {
        let begun = monotonic_ns();
        let seconds = || (monotonic_ns() - begun) as f64 / 1e9;
        if let Some(client) = self.place.clients.get_mut(side) {
            return Ok(client.run(work)?.then(seconds));
        }
        let came = self.runtime.block_on(self.by_flue(work))?;
        let seconds = seconds();
        demand(work != Work::Down || came == self.load.data, "down")?;
        Ok(Some(seconds))
    }

    /// What came back, where something does.
    async fn by_flue(&self, work: Work) -> Result<Bytes> {
        let sandbox = &self.place.sandbox;
        let at = |name| self.inside(FLUES, name);
        match work {
            Work::Exec => {
                let done = sandbox.exec(ExecRequest::new("true")).await?;
                demand(done.success(), "exec")?;
            }
            Work::Up => sandbox.fs().write(&at("large")?, self.load.data.clone()).await?,
            Work::Down => return sandbox.fs().read(&at("large")?).await,
            Work::Files => {
                let from = self.load.local.info().cwd.join("small")?;
                let limits = CopyLimits::default();
                let copied = copy_tree(self.load.local.fs(), &from, sandbox.fs(), &at("small")?, limits).await?;
                demand(copied.files == SMALL_FILES, "files")?;
            }
        }
        Ok(Bytes::new())
    }

    /// Looks whether the work was done, and makes room for the next round.
    async fn check(&self, side: usize, work: Work) -> Result<()> {
        let fs = self.place.sandbox.fs();
        let is_flue = side >= self.place.clients.len();
        let dir = if is_flue { FLUES } else { OTHERS };
        match work {
            Work::Up => {
                let found = fs.metadata(&self.inside(dir, "large")?).await?;
                demand(found.len == Some(LARGE_BYTES as u64), "up")
            }
            Work::Down if !is_flue => {
                let came = self.load.came();
                let data = std::fs::read(&came).map_err(|error| failed("read", &came, error))?;
                std::fs::remove_file(&came).map_err(|error| failed("remove", &came, error))?;
                demand(data == self.load.data, "down")
            }
            Work::Files => {
                let small = self.inside(dir, "small")?;
                demand(fs.list(&small).await?.len() == SMALL_FILES, "files")?;
                fs.remove(&small, Remove::recursive()).await
            }
            Work::Exec | Work::Down => Ok(()),
        }
    }

    fn inside(&self, dir: &str, name: &str) -> Result<SandboxPath> {
        self.place.sandbox.info().cwd.join(dir)?.join(name)
    }
}

fn demand(held: bool, work: &str) -> Result<()> {
    if held {
        return Ok(());
    }
    let why = "the work was not done as it should be";
    Err(Error::new(ErrorKind::Internal, "measure", why).with("work", work))
}
