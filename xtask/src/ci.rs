//! `ci`: every check of the workspace as named steps, cheapest first.
//!
//! Clippy and the tests select the same crates and features, so that no dependency is built in
//! more shapes than it must be: compiling is what takes the time.

mod lanes;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::files::BUILD_DIRECTORY;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;
use crate::{layers, package, process, reach, tidy};

/// Fewest unit and integration tests that must run. A test binary that is no longer built, or whose
/// module is no longer named, fails nothing by itself; this does. Raise it as tests are added.
const FEWEST_TESTS: usize = 1450;
/// Fewest of them that `ci quick` must run: those that stand beside the code.
const FEWEST_UNIT_TESTS: usize = 450;

/// Examples that are only compiled, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("confined", "takes a kernel that can hold commands, which not every machine has"),
    ("own_provider", "takes the address of a server"),
    ("untrusted", "takes a container engine, and an image"),
];

/// What every step finds in its environment: snapshots are compared, never rewritten.
const ENVIRONMENT: &[(&str, &str)] = &[("CI", "true"), ("INSTA_UPDATE", "no")];

/// The variable that names the file to which tests write that they cannot run here: see `flue_core_testkit::skip`.
const SKIPS: &str = "FLUE_SKIPS";

/// The variable that names the directory in which tests install the official clients that certify the servers which stand in
/// for providers.
const PEERS: &str = "FLUE_PEERS_DIR";

/// A named part of the whole.
struct Step {
    name: &'static str,
    part_of: PartOf,
    work: Work,
}

/// Which of the two runs has a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartOf {
    Both,
    /// A smaller stand-in for a step of the whole.
    Quick,
    Whole,
}

enum Work {
    /// Another task of this program, under the step's name.
    Task(fn(&[String]) -> Outcome),
    /// A cargo command, with variables for it alone.
    Cargo { env: &'static [(&'static str, &'static str)], args: &'static [&'static str] },
    /// A cargo command that builds tests, which are then run, and the fewest that must be.
    Tests { args: &'static [&'static str], fewest: usize },
    /// Each crate by itself, with no features and with each of its features alone.
    EachFeature,
    /// The example programs, each of which has to end well.
    Examples,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", part_of: PartOf::Both, work: Work::Cargo { env: &[], args: &["fmt", "--all", "--check"] } },
    Step { name: "layers", part_of: PartOf::Both, work: Work::Task(layers::run) },
    Step { name: "tidy", part_of: PartOf::Both, work: Work::Task(tidy::run) },
    Step { name: "reach", part_of: PartOf::Whole, work: Work::Task(reach::run) },
    Step {
        name: "clippy",
        part_of: PartOf::Both,
        work: Work::Cargo {
            env: &[],
            args: &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        },
    },
    Step {
        name: "unit",
        part_of: PartOf::Quick,
        work: Work::Tests {
            args: &["test", "--workspace", "--lib", "--bins", "--all-features", "--no-fail-fast"],
            fewest: FEWEST_UNIT_TESTS,
        },
    },
    Step {
        name: "test",
        part_of: PartOf::Whole,
        work: Work::Tests {
            args: &["test", "--workspace", "--all-targets", "--all-features", "--no-fail-fast"],
            fewest: FEWEST_TESTS,
        },
    },
    Step {
        name: "doctest",
        part_of: PartOf::Whole,
        work: Work::Cargo { env: &[], args: &["test", "--workspace", "--doc", "--all-features", "--no-fail-fast"] },
    },
    Step {
        name: "doc",
        part_of: PartOf::Whole,
        work: Work::Cargo {
            env: &[("RUSTDOCFLAGS", "-D warnings")],
            args: &["doc", "--workspace", "--no-deps", "--all-features"],
        },
    },
    Step { name: "examples", part_of: PartOf::Whole, work: Work::Examples },
    Step { name: "package", part_of: PartOf::Whole, work: Work::Task(package::run) },
    Step { name: "features", part_of: PartOf::Whole, work: Work::EachFeature },
];

/// The names of the steps, in order.
pub(crate) fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let plan = Plan::parse(args)?;
    let workspace = Workspace::load()?;
    let mut tests = None;
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    let began = Instant::now();
    for step in &plan.steps {
        if !failed.is_empty() && !plan.keep_going {
            lines.push(format!("{:<10} not run", step.name));
            continue;
        }
        println!("\n--- {}: {}", step.name, step.command());
        let started = Instant::now();
        let outcome = step.run(&workspace, &mut tests);
        let took = seconds(started.elapsed());
        let verdict = match outcome {
            Ok(()) => "ok",
            Err(Failure::Failed(why) | Failure::Usage(why)) => {
                println!("{why}");
                failed.push(step);
                "FAILED"
            }
        };
        println!("--- {}: {verdict}, {took}", step.name);
        lines.push(format!("{:<10} {verdict:<8} {took:>10}", step.name));
    }

    println!("\n{}\n{:<10} {:<8} {:>10}", lines.join("\n"), "all", "", seconds(began.elapsed()));
    for step in &failed {
        println!("\n{} failed; to rerun it: {}", step.name, step.command());
    }
    if let Some(Tally { passed, failed, skipped }) = tests {
        println!();
        for skipped in &skipped {
            println!("skipped: {skipped}");
        }
        println!("{passed} passed, {failed} failed, {} skipped", skipped.len());
    }
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = failed.iter().map(|step| step.name).collect();
    Err(Failure::new(format!("ci: failed: {}", names.join(" "))))
}

/// What the command line asks for.
struct Plan {
    steps: Vec<&'static Step>,
    keep_going: bool,
}

impl Plan {
    fn parse(args: &[String]) -> Outcome<Self> {
        let mut keep_going = false;
        let mut quick = false;
        let mut named = Vec::new();
        for arg in args {
            match arg.as_str() {
                "-k" => keep_going = true,
                "quick" => quick = true,
                name if STEPS.iter().any(|step| step.name == name) => named.push(name),
                other => return Err(Failure::Usage(format!("ci has no step or flag called `{other}`"))),
            }
        }
        let everything = !quick && named.is_empty();
        let wanted = |step: &&Step| {
            (everything && step.part_of != PartOf::Quick)
                || (quick && step.part_of != PartOf::Whole)
                || named.contains(&step.name)
        };
        Ok(Self { steps: STEPS.iter().filter(wanted).collect(), keep_going })
    }
}

impl Step {
    /// What to type to run this step alone.
    fn command(&self) -> String {
        match &self.work {
            Work::Task(_) => format!("cargo xtask {}", self.name),
            Work::Cargo { env, args } => {
                let env: String = env.iter().map(|(key, value)| format!("{key}='{value}' ")).collect();
                format!("{env}cargo {}", args.join(" "))
            }
            Work::Tests { args, .. } => format!("cargo {}", args.join(" ")),
            Work::EachFeature | Work::Examples => format!("cargo xtask ci {}", self.name),
        }
    }

    fn run(&self, workspace: &Workspace, tests: &mut Option<Tally>) -> Outcome {
        match &self.work {
            Work::Task(task) => task(&[]),
            Work::Cargo { env, args } => {
                let mut command = cargo(&workspace.root, args);
                command.envs(env.iter().copied());
                process::run(command)
            }
            Work::Tests { args, fewest } => {
                let mut tally = Tally::default();
                let skips = workspace.root.join(BUILD_DIRECTORY).join("skips.txt");
                let _ = std::fs::remove_file(&skips);
                let peers = std::env::var_os(PEERS)
                    .unwrap_or_else(|| workspace.root.join(BUILD_DIRECTORY).join("peers").into_os_string());
                let prepare = |command: &mut Command| {
                    command.envs(ENVIRONMENT.iter().copied()).env(SKIPS, &skips).env(PEERS, &peers);
                };
                let outcome = lanes::run(cargo(&workspace.root, args), &prepare, |line| tally.read(line));
                tally.skip(&std::fs::read_to_string(&skips).unwrap_or_default());
                let checked = outcome.and_then(|()| tally.check(*fewest));
                tests.get_or_insert_default().add(tally);
                checked
            }
            Work::EachFeature => each_feature(workspace),
            Work::Examples => examples(workspace),
        }
    }
}

fn cargo(root: &Path, args: &[&str]) -> Command {
    let mut command = process::cargo(root, args);
    command.envs(ENVIRONMENT.iter().copied());
    command
}

/// Tests that ran.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    /// Those that did not run, and why.
    skipped: Vec<String>,
}

impl Tally {
    /// Adds what a line says if it is the last one of a test binary:
    /// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    ///
    /// Takes note of what a line says is ignored: `test a::b ... ignored, why`.
    fn read(&mut self, line: &str) {
        if let Some((name, why)) =
            line.strip_prefix("test ").and_then(|rest| rest.trim_end().split_once(" ... ignored"))
        {
            self.skipped.push(format!("{name}: {}", why.strip_prefix(", ").unwrap_or("ignored")));
        }
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let (Some(number), Some(what)) = (words.next().and_then(|n| n.parse::<usize>().ok()), words.next()) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }

    /// Takes back what was counted as passed and said that it could not run: a line each.
    fn skip(&mut self, lines: &str) {
        for line in lines.lines() {
            self.passed = self.passed.saturating_sub(1);
            self.skipped.push(line.to_owned());
        }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped.extend(other.skipped);
    }

    fn check(&self, fewest: usize) -> Outcome {
        let ran = self.passed + self.failed;
        if ran < fewest {
            return Err(Failure::new(format!(
                "{ran} tests ran, at least {fewest} must: a test binary or module went missing \
                 (the floor is FEWEST_TESTS in xtask/src/ci.rs)"
            )));
        }
        Ok(())
    }
}

/// Lints each crate alone, so that no crate leans on a feature that only another one switches on.
fn each_feature(workspace: &Workspace) -> Outcome {
    let mut failed = Vec::new();
    let mut cases = 0;
    for member in &workspace.crates {
        let features = std::iter::once(None).chain(member.features.iter().map(Some));
        for feature in features {
            let mut args = vec!["clippy", "-p", &member.name, "--no-default-features"];
            args.extend(feature.iter().flat_map(|feature| ["--features", feature]));
            args.extend(["--", "-D", "warnings"]);
            println!("cargo {}", args.join(" "));
            cases += 1;
            if process::run(cargo(&workspace.root, &args)).is_err() {
                failed.push(format!("failed: cargo {}", args.join(" ")));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{}\n{} of {cases} selections failed", failed.join("\n"), failed.len())))
}

/// Runs the examples that a machine without a key can run, and names the others.
fn examples(workspace: &Workspace) -> Outcome {
    process::run(cargo(&workspace.root, &["build", "--workspace", "--all-features", "--examples"]))?;
    let dir = workspace.root.join(BUILD_DIRECTORY).join("debug/examples");
    let (mut ran, mut skipped, mut failed) = (0, 0, Vec::new());
    for name in workspace.crates.iter().flat_map(|member| &member.examples) {
        if let Some((_, why)) = NOT_RUN.iter().find(|(example, _)| example == name) {
            println!("skipped: {name}: {why}");
            skipped += 1;
            continue;
        }
        println!("\n{name}:");
        ran += 1;
        if process::run(process::program(dir.join(name), &workspace.root)).is_err() {
            failed.push(name.as_str());
        }
    }
    println!("\n{ran} examples ran, {skipped} skipped");
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("examples failed: {}", failed.join(" ")))) }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Vec<&'static str> {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        Plan::parse(&args).expect("a valid plan").steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn results_are_summed_over_binaries() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests\n",
            "test a::b ... ok\n",
            "test a::c ... ignored, takes a key\n",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s\n",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s\n",
            "  test result: ok. 9 passed; quoted by a test\n",
            "test result: nonsense\n",
        ] {
            tally.read(line);
        }
        tally.skip("d: no server\n");
        let skipped = vec!["a::c: takes a key".to_owned(), "d: no server".to_owned()];
        assert_eq!(tally, Tally { passed: 15, failed: 2, skipped });
    }

    #[test]
    fn too_few_tests_fail() {
        let tally = Tally { passed: 8, failed: 1, ..Tally::default() };
        assert!(tally.check(9).is_ok());
        assert!(tally.check(10).is_err());
    }

    #[test]
    fn plans_select_steps_in_order() {
        assert_eq!(names(&["quick"]), ["fmt", "layers", "tidy", "clippy", "unit"]);
        let whole: Vec<_> = step_names().into_iter().filter(|name| *name != "unit").collect();
        assert_eq!(names(&[]), whole);
        assert_eq!(names(&["doc", "fmt", "-k"]), ["fmt", "doc"]);
    }

    #[test]
    fn commands_can_be_pasted() {
        let command = |name: &str| STEPS.iter().find(|step| step.name == name).map(Step::command);
        assert_eq!(command("tidy").as_deref(), Some("cargo xtask tidy"));
        assert_eq!(command("features").as_deref(), Some("cargo xtask ci features"));
        let doc = "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features";
        assert_eq!(command("doc").as_deref(), Some(doc));
    }

    #[test]
    fn clippy_and_tests_select_alike() {
        let selection = |name: &str| -> Vec<&str> {
            let step = STEPS.iter().find(|step| step.name == name).expect("a step");
            let (Work::Cargo { args, .. } | Work::Tests { args, .. }) = &step.work else {
                panic!("{name} runs no cargo command");
            };
            args.iter()
                .copied()
                .filter(|arg| ["--workspace", "--all-targets", "--all-features"].contains(arg))
                .collect()
        };
        assert_eq!(selection("clippy"), selection("test"));
        assert_eq!(selection("clippy").len(), 3);
    }
}
