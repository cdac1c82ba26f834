//! `store`: what keeping sessions costs, beside plain files with the same bytes in them.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use flue_core::Result;
use flue_core::model::{Message, ToolCall, ToolResult, UserBlock};
use flue_core::store::{Entry, EntryKind, MemoryStore, SessionKey, SessionStore, Version};
use flue_core_store_jsonl::JsonLines;
use flue_core_store_sqlite::Sqlite;
use tokio::runtime::Runtime;

use crate::clock::monotonic_ns;
use crate::measure::Bench;
use crate::scratch::{Scratch, failed};
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Entries that are appended in one round, one at a time.
const APPENDS: usize = 200;
/// Entries of the session that is loaded, and how many of them are stored at a time.
const ENTRIES: usize = 10_000;
const BATCH: usize = 1_000;
/// Bytes of what a tool gave, in each entry.
const RESULT_BYTES: usize = 1_000;
/// The time of loading 10,000 entries, in milliseconds.
const RESUME_GOAL_MS: f64 = 150.0;
/// An append that is on disk when it returns, by a plain write of which the same is true.
const APPEND_GOAL: f64 = 3.0;

const APPEND: &str = "one entry of 1 KB added to a session, by the clock on the wall; on disk when it returns, beside a plain write \
    of the same bytes to a file and `fdatasync`";
const APPEND_UNSYNCED: &str = "the same, left to the operating system to write to disk, beside a plain write";
const APPEND_MEMORY: &str = "the same, in memory, beside adding the bytes to a list";
const RESUME: &str = "loading a session of 10,000 entries of 1 KB, as resuming it does, beside reading the same bytes from a file \
    and parsing each line as JSON";

/// A store, and the plain way of the same promise.
struct Kept {
    name: &'static str,
    store: Arc<dyn SessionStore>,
    plain: Plain,
    means: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Plain {
    List,
    Written,
    Synced,
}

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let scratch = Scratch::new("store")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
    let stores = runtime.block_on(stores(scratch.path()))?;
    let mut rows = Vec::new();
    for kept in &stores {
        let [mut flue, mut plain] = [const { Vec::new() }; 2];
        for round in 0..bench.rounds() {
            plain.push(write_plainly(scratch.path(), kept.plain)?);
            flue.push(append(&runtime, &*kept.store, round)?);
        }
        let ratio = Spread::of(flue.iter().zip(&plain).map(|(flue, plain)| flue / plain));
        rows.push(
            Row::new(format!("store: append, {}, µs", kept.name), Spread::of(flue), kept.means)
                .beside(Spread::of(plain)),
        );
        if kept.plain == Plain::Synced {
            let row = Row::new(format!("store: append, {} by plain", kept.name), ratio, kept.means);
            rows.push(row.goal(Goal::AtMost(APPEND_GOAL)));
        }
    }
    let lines = scratch.write("lines", &lines()?)?;
    for kept in &stores {
        let key = SessionKey::new("bench", "long");
        fill(&runtime, &*kept.store, &key)?;
        let [mut flue, mut plain] = [const { Vec::new() }; 2];
        for _ in 0..bench.rounds() {
            plain.push(timed(|| parse(&lines))?);
            flue.push(timed(|| runtime.block_on(kept.store.load(&key)).map(|found| found.entries.len()))?);
        }
        rows.push(
            Row::new(format!("store: resume 10,000, {}, ms", kept.name), Spread::of(flue), RESUME)
                .beside(Spread::of(plain))
                .goal(Goal::AtMost(RESUME_GOAL_MS)),
        );
    }
    Ok(rows)
}

async fn stores(dir: &Path) -> Result<Vec<Kept>> {
    let kept = |name, store, plain, means| Kept { name, store, plain, means };
    Ok(vec![
        kept("memory", Arc::new(MemoryStore::new()), Plain::List, APPEND_MEMORY),
        kept(
            "jsonl unsynced",
            Arc::new(JsonLines::open(dir.join("unsynced")).await?.without_sync()),
            Plain::Written,
            APPEND_UNSYNCED,
        ),
        kept("jsonl", Arc::new(JsonLines::open(dir.join("synced")).await?), Plain::Synced, APPEND),
        kept("sqlite", Arc::new(Sqlite::open(dir.join("sessions.db")).await?), Plain::Synced, APPEND),
    ])
}

fn entry(number: usize) -> Entry {
    let call = ToolCall::new(format!("toolu_{number}"), "read", r#"{"path":"document.md"}"#);
    let text: String = "some words of a document, \"quoted\" and\nbroken ".chars().cycle().take(RESULT_BYTES).collect();
    Entry::new(
        number as u64,
        EntryKind::Message { message: Message::new(ToolResult::new(&call, vec![UserBlock::text(text)])) },
    )
}

fn lines() -> Result<String> {
    let mut lines = String::new();
    for number in 0..ENTRIES {
        lines.push_str(&entry(number).encode()?);
        lines.push('\n');
    }
    Ok(lines)
}

/// Microseconds of each append.
fn append(runtime: &Runtime, store: &dyn SessionStore, round: usize) -> Result<f64> {
    let key = SessionKey::new("bench", format!("appended-{round}"));
    let entries: Vec<Entry> = (0..=APPENDS).map(entry).collect();
    runtime.block_on(async {
        let mut entries = entries.into_iter();
        // The first one makes the session.
        let mut at = store.append(&key, Version(0), entries.by_ref().take(1).collect()).await?;
        let begun = monotonic_ns();
        for entry in entries {
            at = store.append(&key, at, vec![entry]).await?;
        }
        Ok(milliseconds(monotonic_ns() - begun) * 1e3 / count(APPENDS))
    })
}

/// Microseconds of each write.
fn write_plainly(dir: &Path, how: Plain) -> Result<f64> {
    let path = dir.join("plain");
    let texts = (0..APPENDS).map(|number| entry(number).encode()).collect::<Result<Vec<String>>>()?;
    let failed = |error| failed("write", &path, error);
    let mut file: File = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    let mut list = Vec::new();
    let begun = monotonic_ns();
    for text in texts {
        match how {
            Plain::List => list.push(text),
            Plain::Written => file.write_all(text.as_bytes()).map_err(failed)?,
            Plain::Synced => file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?,
        }
    }
    let took = monotonic_ns() - begun;
    drop(std::hint::black_box(list));
    Ok(milliseconds(took) * 1e3 / count(APPENDS))
}

fn fill(runtime: &Runtime, store: &dyn SessionStore, key: &SessionKey) -> Result<()> {
    runtime.block_on(async {
        let mut at = Version(0);
        for batch in (0..ENTRIES).step_by(BATCH) {
            at = store.append(key, at, (batch..batch + BATCH).map(entry).collect()).await?;
        }
        Ok(())
    })
}

fn parse(path: &Path) -> Result<usize> {
    let text = std::fs::read_to_string(path).map_err(|error| failed("read", path, error))?;
    let values: Vec<serde_json::Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok(values.len())
}

/// Milliseconds by the clock on the wall until all entries are there, and not until they are gone again.
fn timed(load: impl FnOnce() -> Result<usize>) -> Result<f64> {
    let begun = monotonic_ns();
    let found = load()?;
    let took = milliseconds(monotonic_ns() - begun);
    if found == ENTRIES {
        Ok(took)
    } else {
        Err(flue_core::Error::new(flue_core::ErrorKind::Internal, "measure", "entries are missing"))
    }
}

#[expect(clippy::cast_precision_loss, reason = "times of a measurement are far below 2^52")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn count(count: usize) -> f64 {
    count as f64
}
