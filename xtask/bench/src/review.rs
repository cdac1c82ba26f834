//! `review`: what the main job costs, and how quick it is.

use std::collections::HashMap;

use flue_core::Result;

use crate::load::Load;
use crate::measure::{Bench, Sample};
use crate::peers::Record;
use crate::stats::{Spread, quantile};
use crate::table::{Goal, Row};

/// Processor time of one run, in milliseconds.
const CPU_GOAL_MS: f64 = 2.0;
/// The time between the end of an answer and the next request, in milliseconds.
const GAP_GOAL_MS: f64 = 0.3;
/// Runs per second at [`CONCURRENT`].
const RATE_GOAL: f64 = 400.0;
/// How many runs go on at a time when the rate is measured.
const CONCURRENT: usize = 64;

/// Runs of one round, one after the other.
const RUNS: usize = 200;
/// Runs of one round when many go on at a time.
const CONCURRENT_RUNS: usize = 800;

const CPU: &str = "processor time of the client's process for one whole review: open a sandbox, 4 turns with the model over \
    a loopback socket, 3 tool calls, collect the result";
const GAP: &str = "from the end of the model's answer to the first byte of the next request, the tool call included; by the \
    server's clock on the wall";
const LONG_GAP: &str = "the same gap; one in a hundred is longer";
const SENT: &str = "bytes of all request bodies of a run; Flue offers six tools and describes them and the sandbox, the floor \
    three in a few words";
const RATE: &str = "finished runs by the clock on the wall, with the server on the same processors";
const CROWD: &str = "processor time of a run when many go on at once";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let alone = bench.alternate(|bench, side| bench.sample(side, &Load::review(RUNS)))?;
    let crowd = Load { concurrent: CONCURRENT, warm: CONCURRENT, ..Load::review(CONCURRENT_RUNS) };
    let crowd = bench.alternate(|bench, side| bench.sample(side, &crowd))?;

    let cpu = |samples: &[Sample]| Spread::of(samples.iter().map(|sample| sample.report.cpu_self_per_run_ms));
    let gap =
        |samples: &[Sample], part| Spread::of(samples.iter().map(|sample| quantile(&gaps(&sample.records), part)));
    let sent = |samples: &[Sample]| Spread::of(samples.iter().map(kilobytes_per_run));
    let rate = |samples: &[Sample]| Spread::of(samples.iter().map(rate));
    let row = |what: &str, flue, floor, means| Row::new(what, flue, means).beside(floor);
    Ok(vec![
        row("review: CPU per run, ms", cpu(&alone.flue), cpu(&alone.floor), CPU).goal(Goal::AtMost(CPU_GOAL_MS)),
        row("review: gap, median, ms", gap(&alone.flue, 0.5), gap(&alone.floor, 0.5), GAP)
            .goal(Goal::AtMost(GAP_GOAL_MS)),
        row("review: gap, 99th percentile, ms", gap(&alone.flue, 0.99), gap(&alone.floor, 0.99), LONG_GAP),
        row("review: sent per run, KB", sent(&alone.flue), sent(&alone.floor), SENT),
        row("review: runs/s, 64 at a time", rate(&crowd.flue), rate(&crowd.floor), RATE).goal(Goal::AtLeast(RATE_GOAL)),
        row("review: CPU per run, 64 at a time, ms", cpu(&crowd.flue), cpu(&crowd.floor), CROWD),
    ])
}

fn rate(sample: &Sample) -> f64 {
    as_f64(sample.report.n as u64) / (sample.report.wall_ms / 1e3)
}

/// Bytes of request bodies for each run.
pub(crate) fn kilobytes_per_run(sample: &Sample) -> f64 {
    let bytes: u64 = sample.records.iter().map(|record| record.len).sum();
    as_f64(bytes) / 1024.0 / as_f64(sample.report.n as u64)
}

/// From the end of each answer to the next request of the same run, in milliseconds, sorted.
fn gaps(records: &[Record]) -> Vec<f64> {
    let ends: HashMap<_, _> = records.iter().map(|record| ((record.run.as_str(), record.turn), record.end)).collect();
    let gap = |record: &Record| {
        let end = ends.get(&(record.run.as_str(), record.turn.checked_sub(1)?))?;
        Some(as_f64(record.arrive.saturating_sub(*end)) / 1e6)
    };
    let mut gaps: Vec<f64> = records.iter().filter_map(gap).collect();
    gaps.sort_by(f64::total_cmp);
    gaps
}

#[expect(clippy::cast_precision_loss, reason = "times and sizes of a measurement are far below 2^52")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_taken_within_a_run() {
        let record = |run: &str, turn, arrive, end| Record { run: run.into(), turn, arrive, end, ..Record::default() };
        let records = [
            record("a", 0, 0, 1_000_000),
            record("b", 0, 0, 9_000_000),
            record("a", 1, 3_000_000, 4_000_000),
            record("a", 2, 4_500_000, 5_000_000),
        ];
        assert_eq!(gaps(&records), [0.5, 2.0]);
    }
}
