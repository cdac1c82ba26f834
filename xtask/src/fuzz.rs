//! `fuzz [TARGET…] [--seconds N]`: the decoders of `flue-models` against libFuzzer, which is guided by what code an input reaches.
//!
//! The compiler's own flags do that, and they are flags of a stable one. All that is built with them, and what the runs find, is
//! below `target/fuzz`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::BUILD_DIRECTORY;
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// The crate of the targets, which is none of the workspace.
pub(crate) const CRATE: &str = "flue-models/fuzz";
/// Each target, and where its seeds are: replies that were recorded for the tests.
const TARGETS: &[(&str, &[&str])] = &[
    ("anthropic", &["flue-models/anthropic/tests/fixtures"]),
    ("bedrock", &["flue-models/bedrock/tests/fixtures"]),
    ("chat", &["flue-models/openai/tests/fixtures"]),
    ("gemini", &["flue-models/google/tests/fixtures"]),
    ("json", &["flue-models/anthropic/tests/fixtures", "flue-models/google/tests/fixtures"]),
    ("responses", &["flue-models/openai/tests/fixtures"]),
    ("whole", &["flue-models/anthropic/tests/fixtures", "flue-models/google/tests/fixtures"]),
];
/// How long each target runs, unless the command line says otherwise.
const SECONDS: u32 = 60;
/// The longest input in bytes: a few times the longest seed.
const MAX_BYTES: u32 = 16 << 10;
/// How long one input may take, and how much memory all of it.
const INPUT_SECONDS: u32 = 10;
const MEMORY_MIB: u32 = 2048;

/// Coverage by 8-bit counters at every edge, a table of where they are, and the operands of comparisons: what libFuzzer reads.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let (names, seconds) = parse(args)?;
    let root = Workspace::load()?.root;
    let place = root.join(BUILD_DIRECTORY).join("fuzz");
    let programs = build(&root, &place)?;
    for (name, seeds) in TARGETS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        println!("\n--- {name}, {seconds} s");
        let corpus = place.join("corpus").join(name);
        let broken = place.join("broken");
        for dir in [&corpus, &broken] {
            fs::create_dir_all(dir).map_err(|error| Failure::new(format!("{}: {error}", dir.display())))?;
        }
        let mut command = process::program(programs.join(name), &root);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MAX_BYTES}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .arg(format!("-artifact_prefix={}/{name}-", broken.display()))
            .args(["-use_value_profile=1", "-print_final_stats=1", "-verbosity=1"])
            .arg(&corpus)
            .args(*seeds);
        process::run(command)?;
    }
    Ok(())
}

fn parse(args: &[String]) -> Outcome<(Vec<&str>, u32)> {
    let (mut names, mut seconds) = (Vec::new(), SECONDS);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => {
                let given = args.next().and_then(|value| value.parse().ok());
                seconds = given.ok_or_else(|| Failure::Usage("--seconds takes a whole number".into()))?;
            }
            name if TARGETS.iter().any(|(known, _)| *known == name) => names.push(name),
            other => {
                let known: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
                return Err(Failure::Usage(format!(
                    "there is no fuzz target `{other}`; there are {}",
                    known.join(", ")
                )));
            }
        }
    }
    Ok((names, seconds))
}

/// Builds every target; gives the directory of the programs.
fn build(root: &Path, place: &Path) -> Outcome<PathBuf> {
    // Named, or the flags would go to build scripts and macros too.
    let host = host(root)?;
    let mut command =
        process::cargo(&root.join(CRATE), &["build", "--quiet", "--release", "--bins", "--target", &host]);
    command.env("CARGO_TARGET_DIR", place).env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\x1f"));
    process::run(command)?;
    Ok(place.join(host).join("release"))
}

/// What the compiler calls this machine.
fn host(root: &Path) -> Outcome<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = process::program(rustc, root);
    command.arg("-vV");
    let told = process::capture(command)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("`rustc -vV` does not name its host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let root = Workspace::load().expect("a workspace").root;
        let programs = crate::files::entries(&root.join(CRATE).join("src/bin")).expect("a directory");
        let mut programs: Vec<_> = programs.iter().filter_map(|(name, _)| name.strip_suffix(".rs")).collect();
        programs.sort_unstable();
        assert_eq!(programs, TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for seeds in TARGETS.iter().flat_map(|(_, seeds)| *seeds) {
            assert!(!crate::files::entries(&root.join(seeds)).expect("a directory").is_empty(), "{seeds}");
        }
    }

    #[test]
    fn targets_and_time_are_read() {
        let args = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parse(&args("json --seconds 5 chat")).expect("both are there"), (vec!["json", "chat"], 5));
        assert_eq!(parse(&[]).expect("nothing is needed"), (Vec::new(), SECONDS));
        for wrong in ["nope", "--seconds", "--seconds x"] {
            assert!(matches!(parse(&args(wrong)), Err(Failure::Usage(_))), "{wrong}");
        }
    }
}
