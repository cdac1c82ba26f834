//! `confined`: what the kernel's hold on a command costs, beside the same command in the plain local sandbox.

use std::path::Path;
use std::sync::Arc;

use flue_core::{OpenRequest, Result};
use flue_sandbox_local::{Confinement, Local, LocalSandbox};
use tokio::runtime::Runtime;

use crate::clock::monotonic_ns;
use crate::local::{KILL, KILLED, by_flue, kill_ms};
use crate::measure::Bench;
use crate::sandbox::cpu_ms;
use crate::scratch::{Scratch, failed};
use crate::stats::{Spread, quantile};
use crate::table::Row;

/// Commands of one round, one after the other.
const STEADY: usize = 200;
/// Sandboxes that are opened in one round.
const OPENED: usize = 20;

const CPU: &str =
    "`bash -c :` confined, beside the plain local sandbox; processor time of this process and of all that it starts";
const WALL: &str = "the same by the clock on the wall, the median of 200";
const OPEN: &str = "a new sandbox: the policy is made concrete and a helper tries all of it";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let scratch = Scratch::new("confined")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| failed("start the runtime", Path::new("."), error))?;
    let open = |local: &Local| runtime.block_on(local.create(OpenRequest::new("bench")));
    let plain = Local::new(scratch.path());
    let confined = plain.clone().confined(Confinement::new());
    let sandboxes = [open(&confined)?, open(&plain)?];
    let (mut cpu, mut wall) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let (mut opens, mut kills) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..bench.rounds() {
        for (index, sandbox) in sandboxes.iter().enumerate() {
            cpu[index].push(cpu_ms(STEADY, || runtime.block_on(by_flue(sandbox)))?);
            wall[index].push(median_ms(&runtime, sandbox)?);
        }
        opens.push(cpu_ms(OPENED, || open(&confined).map(drop))?);
        let ended = (0..KILLED).map(|_| runtime.block_on(kill_ms(&sandboxes[0]))).collect::<Result<Vec<_>>>()?;
        kills[0].push(quantile_of(ended.clone(), 0.5));
        kills[1].push(quantile_of(ended, 0.99));
    }
    let beside = |what, means, [confined, plain]: [Vec<f64>; 2]| {
        Row::new(what, Spread::of(confined), means).beside(Spread::of(plain))
    };
    let [median, worst] = kills;
    Ok(vec![
        beside("confined: exec, processor ms", CPU, cpu),
        beside("confined: exec, ms", WALL, wall),
        Row::new("confined: open, processor ms", Spread::of(opens), OPEN),
        Row::new("confined: cancel, ms, median", Spread::of(median), KILL),
        Row::new("confined: cancel, ms, p99", Spread::of(worst), KILL),
    ])
}

/// The median on the wall of one command.
fn median_ms(runtime: &Runtime, sandbox: &Arc<LocalSandbox>) -> Result<f64> {
    let one = |_| {
        let begun = monotonic_ns();
        runtime.block_on(by_flue(sandbox))?;
        Ok((monotonic_ns() - begun) as f64 / 1e6)
    };
    Ok(quantile_of((0..STEADY).map(one).collect::<Result<Vec<_>>>()?, 0.5))
}

fn quantile_of(mut values: Vec<f64>, at: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(&values, at)
}
