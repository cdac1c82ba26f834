//! `start`: how soon the `flue` program asks the model, and how large it is.

use std::path::Path;
use std::process::{Command, Stdio};

use flue_core::{Error, ErrorKind, Result};

use crate::clock::monotonic_ns;
use crate::load::{Load, prompt};
use crate::measure::{Bench, Side};
use crate::scratch::{Scratch, failed};
use crate::stats::Spread;
use crate::table::{Goal, Row};

/// The start of `flue run` by that of the floor.
const START_GOAL: f64 = 1.5;
/// The program's size without symbols, in megabytes.
const SIZE_GOAL_MB: f64 = 20.0;
/// Starts of one round.
const STARTS: usize = 20;

const START: &str = "from the start of the process to the first byte that reaches the server, by the clock on the wall; for \
    Flue this is `flue run` with the document staged";
const RATIO: &str = "the same as a ratio, round by round";
const SIZE: &str = "the program as it is built for release, without symbols";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let scratch = Scratch::new("start")?;
    let load = Load { base: bench.server.base(), warm: 0, single: true, ..Load::review(1) };
    let load = Load { document: bench.programs.document().map(Path::to_owned), ..load };
    scratch.write("document.md", &load.document()?)?;
    let starts = bench.alternate(|bench, side| {
        let starts = (0..STARTS).map(|_| start(bench, side, &load, &scratch));
        Ok(Spread::of(starts.collect::<Result<Vec<_>>>()?))
    })?;
    let median = |starts: &[Spread]| Spread::of(starts.iter().map(|start| start.median));
    let ratios = starts.flue.iter().zip(&starts.floor).map(|(flue, floor)| flue.median / floor.median);
    let size = megabytes(bench.programs.flue()?)?;
    Ok(vec![
        Row::new("start: to the first request, ms", median(&starts.flue), START).beside(median(&starts.floor)),
        Row::new("start: flue by floor", Spread::of(ratios), RATIO).goal(Goal::AtMost(START_GOAL)),
        Row::new("start: size of flue, MB", Spread::exactly(size), SIZE).goal(Goal::AtMost(SIZE_GOAL_MB)),
    ])
}

/// Milliseconds from the start of a client to its first request.
fn start(bench: &Bench, side: Side, load: &Load, scratch: &Scratch) -> Result<f64> {
    bench.server.reset()?;
    let mut command = match side {
        Side::Flue => flue_run(bench, scratch)?,
        Side::Floor => bench.programs.command(side, load),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = monotonic_ns();
    let output = command.output().map_err(|error| failed("start a client", command.get_program().as_ref(), error))?;
    let records = bench.server.records()?;
    match records.iter().map(|record| record.arrive).min() {
        Some(arrive) if output.status.success() => Ok(milliseconds(arrive.saturating_sub(begun))),
        _ => Err(Error::new(ErrorKind::Unavailable, "start a client", "it did not do its job")
            .with("side", format!("{side:?}"))
            .with("requests", records.len())
            .with("status", output.status)
            .with("said", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// `flue run` on the review job.
fn flue_run(bench: &Bench, scratch: &Scratch) -> Result<Command> {
    let mut command = Command::new(bench.programs.flue()?);
    command
        .args(["run", "--model", "anthropic/scripted", "--stage", "document.md", "--message", &prompt("start-0")])
        .current_dir(scratch.path())
        .env("ANTHROPIC_BASE_URL", bench.server.base())
        .env("ANTHROPIC_API_KEY", "none-needed");
    Ok(command)
}

#[expect(clippy::cast_precision_loss, reason = "times of a measurement are far below 2^52")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "sizes of programs are far below 2^52")]
fn megabytes(program: &Path) -> Result<f64> {
    let metadata = std::fs::metadata(program).map_err(|error| failed("measure", program, error))?;
    Ok(metadata.len() as f64 / 1e6)
}
