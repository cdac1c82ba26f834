//! `parked` and `idle`: how much memory agents take that wait for the model, and sessions that wait for the user.

use flue_core::Result;

use crate::load::{Load, Place};
use crate::measure::{Bench, Pair, Sample, Side};
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Memory of an agent that waits, without a virtual file system of its own, in KiB.
const SHARED_GOAL_KB: f64 = 60.0;
/// Memory of one with a virtual file system, in KiB.
const VIRTUAL_GOAL_KB: f64 = 100.0;

/// Agents that wait at a time.
const AGENTS: usize = 500;
/// Sessions that are kept.
const SESSIONS: usize = 1000;
/// Runs before memory is first read: so many that the allocator has what it will have.
const WARM: usize = 20;
/// The review job, whose third request waits.
const HELD: &str = "scripted-hold2";

const PARKED: &str = "memory that each of 500 agents adds to the process while it waits for the model's third answer, its \
    connection included; all work in one sandbox";
const PARKED_VIRTUAL: &str = "the same, each agent with its own virtual file system";
const IDLE: &str = "memory that each of 1,000 agents adds to the process once its review is done and it waits for the next \
    message, its conversation of 8 messages included";
const IDLE_VIRTUAL: &str = "the same, each agent with its own virtual file system, the document and the review in it";

fn kilobytes(samples: &[Sample]) -> Spread {
    Spread::of(samples.iter().map(|sample| sample.report.kb_per_agent))
}

/// Measures agents in the middle of a request.
pub(crate) fn measure_parked(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut at = |place| -> Result<Pair<Sample>> {
        let load = Load { model: HELD.to_owned(), hold: AGENTS, warm: WARM, place, ..Load::review(0) };
        bench.alternate(|bench, side| bench.sample(side, &load))
    };
    let (alone, virtual_files) = (at(Place::Shared)?, at(Place::Virtual)?);
    Ok(vec![
        Row::new("parked: one sandbox for all, KB", kilobytes(&alone.flue), PARKED)
            .beside(kilobytes(&alone.floor))
            .goal(Goal::AtMost(SHARED_GOAL_KB)),
        Row::new("parked: a sandbox each, KB", kilobytes(&virtual_files.flue), PARKED_VIRTUAL)
            .beside(kilobytes(&virtual_files.floor))
            .goal(Goal::AtMost(VIRTUAL_GOAL_KB)),
    ])
}

/// Measures sessions between prompts.
pub(crate) fn measure_idle(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut at = |place| -> Result<Spread> {
        let load = Load { idle: SESSIONS, warm: WARM, place, ..Load::review(0) };
        let rounds = bench.rounds();
        let samples: Vec<_> = (0..rounds).map(|_| bench.sample(Side::Flue, &load)).collect::<Result<_>>()?;
        Ok(kilobytes(&samples))
    };
    let (shared, own) = (at(Place::Shared)?, at(Place::Virtual)?);
    Ok(vec![
        Row::new("idle: one sandbox for all, KB", shared, IDLE),
        Row::new("idle: a sandbox each, KB", own, IDLE_VIRTUAL),
    ])
}
