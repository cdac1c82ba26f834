//! `turns`: whether a long session costs more per turn than the bytes of its history force.

use flue_core::Result;

use crate::load::Load;
use crate::measure::{Bench, Sample};
use crate::review::kilobytes_per_run;
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// Lengths of sessions, in turns.
const LENGTHS: [usize; 4] = [50, 100, 200, 400];
/// Processor time of the longest session, in milliseconds.
const LONGEST_GOAL_MS: f64 = 200.0;
/// Processor time of the longest session by that of the one before, half as long.
const GROWTH_GOAL: f64 = 2.6;
/// Sessions of one round.
const RUNS: usize = 3;

const CPU: &str = "processor time of the client's process for one session of so many turns, each a reading of the document or \
    a shell command";
const SENT: &str = "bytes of all request bodies: each turn sends the whole conversation again, so they grow with the square of \
    the turns";
const CPU_GROWTH: &str = "how much more twice the turns cost: 2 is the same for each turn, 4 is all work going with the bytes \
    sent";
const SENT_GROWTH: &str = "how many more bytes twice the turns force onto the wire";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let [mut flue, mut floor]: [Vec<Vec<Sample>>; 2] = Default::default();
    for turns in LENGTHS {
        let load = Load { model: turns.to_string(), warm: 1, ..Load::review(RUNS) };
        let pair = bench.alternate(|bench, side| bench.sample(side, &load))?;
        flue.push(pair.flue);
        floor.push(pair.floor);
    }
    let cpu = |sample: &Sample| sample.report.cpu_self_per_run_ms;
    let spread = |samples: &[Sample], of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of));
    let mut rows = Vec::new();
    for (index, turns) in LENGTHS.into_iter().enumerate() {
        let row = Row::new(format!("turns: CPU of {turns} turns, ms"), spread(&flue[index], cpu), CPU)
            .beside(spread(&floor[index], cpu));
        rows.push(if index + 1 == LENGTHS.len() { row.goal(Goal::AtMost(LONGEST_GOAL_MS)) } else { row });
    }
    for (index, turns) in LENGTHS.into_iter().enumerate() {
        let (flue, floor) = (spread(&flue[index], kilobytes_per_run), spread(&floor[index], kilobytes_per_run));
        rows.push(Row::new(format!("turns: sent in {turns} turns, KB"), flue, SENT).beside(floor));
    }
    let growth = |side: &[Vec<Sample>], of: fn(&Sample) -> f64| {
        let [.., half, whole] = side else { return Spread::of([]) };
        Spread::of(whole.iter().zip(half).map(|(whole, half)| of(whole) / of(half)))
    };
    let (flue_sent, floor_sent) = (growth(&flue, kilobytes_per_run), growth(&floor, kilobytes_per_run));
    rows.push(
        Row::new("turns: CPU of 400 / CPU of 200", growth(&flue, cpu), CPU_GROWTH)
            .beside(growth(&floor, cpu))
            .goal(Goal::AtMost(GROWTH_GOAL)),
    );
    rows.push(Row::new("turns: sent in 400 / sent in 200", flue_sent, SENT_GROWTH).beside(floor_sent));
    Ok(rows)
}
