//! `events`: what it costs to have every event written down.

use flue_core::Result;

use crate::load::{Load, Place};
use crate::measure::{Bench, Side};
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Processor time of runs whose events are written down by that of runs whose are not.
const GOAL: f64 = 1.03;
/// Runs of one round.
const RUNS: usize = 100;

const CPU: &str = "processor time of the client's process for one review whose events become lines of JSON, beside one without \
    anybody who looks";
const RATIO: &str = "how much more that is";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let load = Load { place: Place::Virtual, ..Load::review(RUNS) };
    let (mut on, mut off) = (Vec::new(), Vec::new());
    for round in 0..bench.rounds() {
        // In turn, and each as often first as last: what else the machine does meets both.
        let order = if round % 2 == 0 { [true, false] } else { [false, true] };
        for events in order {
            let sample = bench.sample(Side::Flue, &Load { events, ..load.clone() })?;
            if events { &mut on } else { &mut off }.push(sample.report.cpu_self_per_run_ms);
        }
    }
    let ratios = on.iter().zip(&off).map(|(on, off)| on / off);
    Ok(vec![
        Row::new("events: CPU of a review, ms", Spread::of(on.iter().copied()), CPU)
            .beside(Spread::of(off.iter().copied())),
        Row::new("events: CPU on / off", Spread::of(ratios), RATIO).goal(Goal::AtMost(GOAL)),
    ])
}
