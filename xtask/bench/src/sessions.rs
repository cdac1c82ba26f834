//! `sessions`: many sessions in one process, and one that is very long, without a model's server: what the harness itself takes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flue_core::model::{Model, ModelRequest};
use flue_core::{AgentSpec, Result};
use flue_models_scripted::{Scripted, ScriptedTurn};
use flue_sandbox_virtual::Virtual;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::clock::{own_cpu_ns, resident_bytes};
use crate::measure::Bench;
use crate::scratch::failed;
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Sessions of one harness, and the turns that each of them takes.
const SESSIONS: usize = 1_000;
const TURNS: usize = 5;
/// Sessions that are open before memory is first read.
const WARM: usize = 20;
/// Turns of the long session, and between which of them a turn is looked at, early and late.
const LONG: usize = 1_000;
const EARLY: std::ops::Range<usize> = 100..200;
const LATE: std::ops::Range<usize> = 900..1_000;
/// What a late turn may cost by an early one.
const FLAT_GOAL: f64 = 1.5;

const CPU: &str = "processor time of one session of five turns, four of them a reading of a file, among 1,000 sessions of one \
    harness; the model is a script in this process";
const MEMORY: &str =
    "memory that each of these sessions adds to the process and keeps, its conversation of ten messages included";
const LATE_TURN: &str = "processor time of a turn late in a session of 1,000 turns (900 to 1,000) by one early in it (100 to 200): \
    the median of the turns";
const LATE_MEMORY: &str =
    "memory that a turn of the long session adds, its message and its result included: late, beside early";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
    let [mut cpu, mut memory, mut late, mut early, mut growth, mut late_kb, mut early_kb] = [const { Vec::new() }; 7];
    for _ in 0..bench.rounds() {
        let (each_ms, each_kb) = runtime.block_on(many())?;
        cpu.push(each_ms);
        memory.push(each_kb);
        let looks = long(&runtime)?;
        let (early_us, late_us) = (median(&looks, EARLY), median(&looks, LATE));
        early.push(early_us);
        late.push(late_us);
        growth.push(late_us / early_us);
        early_kb.push(added(&looks, EARLY));
        late_kb.push(added(&looks, LATE));
    }
    Ok(vec![
        Row::new("sessions: CPU of one of 1,000, ms", Spread::of(cpu), CPU),
        Row::new("sessions: memory of one of 1,000, KB", Spread::of(memory), MEMORY),
        Row::new("sessions: a late turn, an early turn, µs", Spread::of(late), LATE_TURN).beside(Spread::of(early)),
        Row::new("sessions: late turn by early turn", Spread::of(growth), LATE_TURN).goal(Goal::AtMost(FLAT_GOAL)),
        Row::new("sessions: late turn, early turn, KB", Spread::of(late_kb), LATE_MEMORY).beside(Spread::of(early_kb)),
    ])
}

/// A model that reads a file again and again, `turns` times in all.
fn reader(turns: usize, look: impl Fn() + Send + Sync + 'static) -> Arc<dyn Model> {
    Arc::new(Scripted::new("reader", move |request: &ModelRequest| {
        look();
        // One prompt, and a call with its result for each turn since: looking at all of them would be what is measured.
        let answered = request.messages.len().saturating_sub(1) / 2;
        match answered + 1 < turns {
            true => ScriptedTurn::call("read", json!({ "path": "notes.txt" })),
            false => ScriptedTurn::text("Read it."),
        }
    }))
}

fn files() -> Virtual {
    Virtual::new().file("notes.txt", "a line of notes\n".repeat(10))
}

/// Milliseconds of processor time and kilobytes of memory of each of many sessions.
async fn many() -> Result<(f64, f64)> {
    let agent = AgentSpec::builder(reader(TURNS, || ()), files()).build()?;
    let harness = agent.start("bench").await?;
    let mut sessions = Vec::new();
    let mut begun = (own_cpu_ns(), resident_bytes()?);
    for number in 0..WARM + SESSIONS {
        if number == WARM {
            begun = (own_cpu_ns(), resident_bytes()?);
        }
        let session = harness.session(&format!("session-{number}"))?;
        session.prompt("Read the notes.").await?;
        sessions.push(session);
    }
    let (cpu, memory) = (own_cpu_ns() - begun.0, resident_bytes()?.saturating_sub(begun.1));
    drop(sessions);
    harness.close().await?;
    Ok((number(cpu) / 1e6 / number(SESSIONS as u64), number(memory) / 1024.0 / number(SESSIONS as u64)))
}

/// Processor time in nanoseconds and memory in bytes, as each turn began.
type Look = (u64, u64);

fn long(runtime: &Runtime) -> Result<Vec<Look>> {
    let looks: Arc<Mutex<Vec<Look>>> = Arc::default();
    let seen = Arc::clone(&looks);
    let model = reader(LONG, move || {
        let look = (own_cpu_ns(), resident_bytes().unwrap_or_default());
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(look);
    });
    runtime.block_on(async {
        let agent = AgentSpec::builder(model, files()).max_turns(u32::try_from(LONG).unwrap_or(u32::MAX)).build()?;
        let harness = agent.start("bench").await?;
        harness.session("long")?.prompt("Read the notes.").await?;
        harness.close().await
    })?;
    Ok(std::mem::take(&mut *looks.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Microseconds of the median of these turns.
fn median(looks: &[Look], turns: std::ops::Range<usize>) -> f64 {
    let took = looks.windows(2).skip(turns.start).take(turns.len());
    Spread::of(took.map(|pair| number(pair[1].0 - pair[0].0) / 1e3)).median
}

/// Kilobytes that each of these turns added.
fn added(looks: &[Look], turns: std::ops::Range<usize>) -> f64 {
    let at = |turn: usize| looks.get(turn).map_or(0, |look| look.1);
    number(at(turns.end - 1).saturating_sub(at(turns.start))) / 1024.0 / number(turns.len() as u64)
}

#[expect(clippy::cast_precision_loss, reason = "figures of a measurement are far below 2^52")]
fn number(number: u64) -> f64 {
    number as f64
}
