//! Attacks, and ordinary work: `tests/probes.tsv`, confined in every way and not at all.

use std::path::Path;
use std::time::Duration;

use flue_core::{ExecOutput, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_local::{Confinement, Limits, Tier};
use futures_util::stream::{self, StreamExt as _};

use super::ground::{Ground, SECRET};
use super::place::{Place, dir, is_at};
use crate::skip::is_installed;

const TABLE: &str = include_str!("../../probes.tsv");
/// The fewest that there must be.
const FEWEST: usize = 180;
/// What rows call that not every machine has.
const TOOLS: [&str; 12] =
    ["bwrap", "chattr", "chrt", "curl", "dmesg", "gcc", "gdb", "git", "ip", "python3", "strace", "unshare"];
/// The fewest attacks that must succeed where nothing holds them: or the table would show nothing.
const FEWEST_SUCCEED: usize = 90;
const AT_ONCE: usize = 4;
/// How long a process that was left behind waits before it shows itself, and then some.
const LATE: Duration = Duration::from_millis(2500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Plain,
    Landlock,
    Namespaces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Blocked,
    Reaped,
    Allowed,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    command: &'static str,
    outcome: Outcome,
    /// Only namespaces see to it.
    takes_namespaces: bool,
    /// Not to be tried unconfined.
    dangerous: bool,
}

impl Row {
    fn parse(line: &'static str) -> Self {
        let (command, expected) = line.split_once('\t').unwrap_or_else(|| panic!("no outcome: {line}"));
        let (expected, dangerous) = expected.strip_suffix('!').map_or((expected, false), |rest| (rest, true));
        let (expected, takes_namespaces) = expected.strip_suffix("@ns").map_or((expected, false), |rest| (rest, true));
        let outcome = match expected {
            "blocked" => Outcome::Blocked,
            "reaped" => Outcome::Reaped,
            "allowed" => Outcome::Allowed,
            other => panic!("unknown outcome {other}: {line}"),
        };
        Self { command, outcome, takes_namespaces, dangerous }
    }

    /// Why this cannot be tried here, if it cannot.
    fn skipped(&self, rung: Rung) -> Option<String> {
        if self.dangerous && rung == Rung::Plain {
            return Some("would change the machine".to_owned());
        }
        if cfg!(not(target_arch = "x86_64")) && self.command.contains("syscall(") {
            return Some("has call numbers of x86_64".to_owned());
        }
        // An attack that fails for want of its tool was not prevented.
        let words = || self.command.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let missing = TOOLS.into_iter().find(|tool| words().any(|word| word == *tool) && !is_installed(tool));
        missing.map(|tool| format!("{tool} is not installed"))
    }
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows: Vec<Row> = lines.map(Row::parse).collect();
    assert!(rows.len() >= FEWEST, "{} probes", rows.len());
    rows
}

/// What came of a row.
struct Seen {
    row: Row,
    /// The attack succeeded, or the work was done.
    happened: bool,
    output: ExecOutput,
}

/// What was to be shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    /// As the table says: this rung does not see to it.
    Gap,
    Unexpected,
}

impl Seen {
    fn verdict(&self, rung: Rung) -> Verdict {
        let held = rung == Rung::Namespaces || (rung == Rung::Landlock && !self.row.takes_namespaces);
        let as_wished = self.happened == (self.row.outcome == Outcome::Allowed);
        match (as_wished, self.row.outcome) {
            (true, _) => Verdict::Holds,
            // Without confinement all ordinary work can be done.
            (false, Outcome::Allowed) if rung == Rung::Plain => Verdict::Unexpected,
            (false, _) if held => Verdict::Unexpected,
            (false, _) => Verdict::Gap,
        }
    }
}

async fn probe(ground: &Ground, row: Row, rung: Rung) -> Seen {
    let mut plot = ground.plot();
    let local = ground.local(&plot);
    let local = match rung {
        Rung::Plain => local,
        Rung::Landlock => local.confined(policy(&plot.dir).min_tier(Tier::Landlock)),
        Rung::Namespaces => local.confined(policy(&plot.dir)),
    };
    let sandbox = local.create(OpenRequest::new("probe")).await.unwrap();
    let request = ExecRequest::new(row.command).with_timeout(Duration::from_secs(60));
    let output = sandbox.exec(request).await.unwrap();
    let said = [output.stdout_text(), output.stderr_text()].concat();
    assert!(!said.contains(SECRET), "{}: said the secret:\n{said}", row.command);
    let happened = match row.outcome {
        Outcome::Blocked => said.lines().any(|line| line.starts_with("ESCAPED")) || !plot.victim_lives(),
        Outcome::Allowed => said.lines().any(|line| line == "OK"),
        Outcome::Reaped => {
            tokio::time::sleep(LATE).await;
            plot.dir.join("work/late").exists()
        }
    };
    sandbox.close().await.unwrap();
    Seen { row, happened, output }
}

fn policy(plot: &Path) -> Confinement {
    let limits = Limits::new()
        .with_processes(400)
        .with_memory_bytes(1 << 30)
        .with_file_bytes(100 << 20)
        .with_cpu_time(Duration::from_secs(2));
    super::policy().home(plot.join("home")).limits(limits)
}

#[expect(clippy::print_stdout, reason = "a table is there to be read")]
/// Runs the whole table, prints what came of each row, and gives how many attacks succeeded.
fn run(rung: Rung) -> usize {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let ground = Ground::new(dir().join("ground"));
    let (skipped, tried): (Vec<Row>, Vec<Row>) = rows().into_iter().partition(|row| row.skipped(rung).is_some());
    let probes = tried.into_iter().map(|row| probe(&ground, row, rung));
    let seen: Vec<Seen> = runtime.block_on(stream::iter(probes).buffered(AT_ONCE).collect());
    let count = |wanted| seen.iter().filter(|seen| seen.verdict(rung) == wanted).count();
    for seen in &seen {
        let happened = if seen.happened { "happens" } else { "is prevented" };
        println!("{:?}: {happened}: {}", seen.verdict(rung), seen.row.command);
    }
    for row in &skipped {
        println!("Skipped, {}: {}", row.skipped(rung).unwrap_or_default(), row.command);
    }
    println!(
        "{rung:?}, user {}: {} hold, {} are not seen to, {} unexpected, {} skipped",
        rustix::process::getuid().as_raw(),
        count(Verdict::Holds),
        count(Verdict::Gap),
        count(Verdict::Unexpected),
        skipped.len()
    );
    let unexpected: Vec<String> = seen
        .iter()
        .filter(|seen| seen.verdict(rung) == Verdict::Unexpected)
        .map(|seen| {
            let Seen { row, output, .. } = seen;
            let said = [output.stdout_text(), output.stderr_text()].concat();
            format!("{:?} was not to be seen: {}\n{:?} {said}", row.outcome, row.command, output.end)
        })
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    seen.iter().filter(|seen| seen.happened && seen.row.outcome != Outcome::Allowed).count()
}

#[test]
fn hold_in_namespaces() {
    if is_at(Place::Same, "confined::probes::hold_in_namespaces") {
        run(Rung::Namespaces);
    }
}

#[test]
fn hold_in_namespaces_for_an_ordinary_user() {
    if is_at(Place::Somebody, "confined::probes::hold_in_namespaces_for_an_ordinary_user") {
        assert!(!rustix::process::getuid().is_root());
        run(Rung::Namespaces);
    }
}

#[test]
fn hold_by_landlock_as_far_as_the_table_says() {
    if is_at(Place::WithoutNamespaces, "confined::probes::hold_by_landlock_as_far_as_the_table_says") {
        run(Rung::Landlock);
    }
}

#[test]
fn succeed_where_nothing_holds_them() {
    if is_at(Place::Same, "confined::probes::succeed_where_nothing_holds_them") {
        let succeeded = run(Rung::Plain);
        assert!(succeeded >= FEWEST_SUCCEED, "{succeeded} attacks succeed");
    }
}
