//! The measuring: which figures there are, and how two programs are held against each other.
//!
//! Flue and the floor take turns, round by round, so that a machine that gets busier is busier for both.

use std::path::PathBuf;

use flue_core::{Error, ErrorKind, Result};

use crate::load::{Load, Report};
use crate::peers::{Programs, Record, Server};
use crate::table::{Row, render};
use crate::{
    codec, conditions, confined, contained, decode, events, local, parked, review, sandbox, sessions, start, store,
    turns,
};

/// Rounds of each measurement unless the command line says otherwise.
const ROUNDS: usize = 5;

/// A group of figures.
pub(crate) struct Measurement {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    measure: fn(&mut Bench) -> Result<Vec<Row>>,
}

/// All of them, in the order in which they are made.
pub(crate) const MEASUREMENTS: &[Measurement] = &[
    Measurement { name: "review", measure: review::measure },
    Measurement { name: "events", measure: events::measure },
    Measurement { name: "turns", measure: turns::measure },
    Measurement { name: "parked", measure: parked::measure_parked },
    Measurement { name: "idle", measure: parked::measure_idle },
    Measurement { name: "sandbox", measure: sandbox::measure },
    Measurement { name: "local", measure: local::measure },
    Measurement { name: "confined", measure: confined::measure },
    Measurement { name: "contained", measure: contained::measure },
    #[cfg(feature = "remote")]
    Measurement { name: "remote", measure: crate::remote::measure },
    Measurement { name: "store", measure: store::measure },
    Measurement { name: "sessions", measure: sessions::measure },
    Measurement { name: "codec", measure: codec::measure },
    Measurement { name: "decode", measure: decode::measure },
    Measurement { name: "start", measure: start::measure },
];

/// What is to be measured.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Names of measurements; all when empty.
    pub(crate) names: Vec<&'static str>,
    /// Rounds of each.
    pub(crate) rounds: usize,
    /// The `flue` program; the one beside this program when absent.
    pub(crate) flue: Option<PathBuf>,
    /// Where another server and another floor are; our own when absent.
    pub(crate) peers: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { names: Vec::new(), rounds: ROUNDS, flue: None, peers: None }
    }
}

/// Who does the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Flue.
    Flue,
    /// A client without a harness.
    Floor,
}

/// What both sides gave, round by round.
#[derive(Debug)]
pub(crate) struct Pair<T> {
    /// Flue's.
    pub(crate) flue: Vec<T>,
    /// The floor's.
    pub(crate) floor: Vec<T>,
}

/// What one client did, as the client and as the server saw it.
#[derive(Debug)]
pub(crate) struct Sample {
    /// What the client reports.
    pub(crate) report: Report,
    /// The requests of its measured runs.
    pub(crate) records: Vec<Record>,
}

/// Everything that a measurement needs.
pub(crate) struct Bench {
    plan: Plan,
    /// The programs.
    pub(crate) programs: Programs,
    /// The model server.
    pub(crate) server: Server,
}

impl Bench {
    /// Finds the programs and starts the server.
    pub(crate) fn new(plan: Plan) -> Result<Self> {
        let programs = Programs::find(plan.flue.clone(), plan.peers.as_deref())?;
        let server = programs.start_server()?;
        Ok(Self { plan, programs, server })
    }

    /// Measures what was asked for and prints it. What could not be measured does not keep the rest from being printed.
    pub(crate) fn run(mut self) -> Result<()> {
        let wanted =
            |measurement: &&Measurement| self.plan.names.is_empty() || self.plan.names.contains(&measurement.name);
        let measurements: Vec<_> = MEASUREMENTS.iter().filter(wanted).collect();
        let mut head = conditions::describe(self.plan.rounds);
        head.push_str(&self.programs.describe());
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for measurement in measurements {
            eprintln!("measuring: {}", measurement.name);
            match (measurement.measure)(&mut self) {
                Ok(found) => {
                    if found.iter().any(Row::is_missing) {
                        failed.push(measurement.name);
                    }
                    rows.extend(found);
                }
                Err(error) => {
                    eprintln!("{}: {error:#}", measurement.name);
                    failed.push(measurement.name);
                }
            }
        }
        println!("{head}\n{}", render(&rows));
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "measure", "not everything could be; the reasons stand above")
            .with("failed", failed.join(" ")))
    }

    /// Rounds of each measurement.
    pub(crate) fn rounds(&self) -> usize {
        self.plan.rounds
    }

    /// Has `take` done by both sides in turn, as many rounds as the plan says.
    pub(crate) fn alternate<T>(&mut self, mut take: impl FnMut(&mut Self, Side) -> Result<T>) -> Result<Pair<T>> {
        let mut pair = Pair { flue: Vec::new(), floor: Vec::new() };
        for _ in 0..self.plan.rounds {
            pair.floor.push(take(self, Side::Floor)?);
            pair.flue.push(take(self, Side::Flue)?);
        }
        Ok(pair)
    }

    /// Puts `load` on one client, in a process of its own.
    pub(crate) fn sample(&mut self, side: Side, load: &Load) -> Result<Sample> {
        self.server.reset()?;
        let report = self.programs.client(side, &Load { base: self.server.base(), ..load.clone() })?;
        if report.bad > 0 {
            return Err(Error::new(ErrorKind::Internal, "measure", "runs went wrong; what is wrong is not measured")
                .with("side", format!("{side:?}"))
                .with("runs", report.bad)
                .with("last", report.err));
        }
        let records = self.server.records()?.into_iter().filter(|record| !record.is_warm_up()).collect();
        Ok(Sample { report, records })
    }
}
