//! The scripts below `tests/cases`, with what GNU bash and its tools print for them. See the README there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flue_core::{ExecRequest, Sandbox};
use flue_sandbox_virtual::Virtual;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::open;

/// Cases at a time: their time runs while they wait.
const AT_ONCE: usize = 4;
/// The longest that one case may take: without optimisation and beside other tests, some take long.
const TIME: Duration = Duration::from_secs(110);
/// Fewer cases than this are not all of them.
const AT_LEAST: usize = 400;

/// One script and what it is to do.
struct Case {
    name: String,
    script: String,
    stdout: String,
    exit: i32,
}

#[tokio::test]
async fn scripts_print_what_gnu_bash_prints() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "case"));
    files.sort();
    let factory = Virtual::new();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut runs = JoinSet::new();
    for case in files.iter().flat_map(|file| read(file)) {
        let (factory, turns) = (factory.clone(), Arc::clone(&turns));
        runs.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let sandbox = open(&factory).await;
            let output = sandbox.exec(ExecRequest::new(&case.script).with_timeout(TIME)).await.unwrap();
            (output.exit_code() != case.exit || output.stdout != case.stdout).then(|| {
                format!(
                    "=== {}\n{}--- exit {} instead of {}\n--- stdout\n{}--- instead of\n{}--- stderr\n{}",
                    case.name,
                    case.script,
                    output.exit_code(),
                    case.exit,
                    output.stdout_text(),
                    case.stdout,
                    output.stderr_text()
                )
            })
        });
    }
    let (mut ran, mut failed, mut report) = (0, 0, String::new());
    while let Some(failure) = runs.join_next().await {
        ran += 1;
        if let Some(text) = failure.unwrap() {
            failed += 1;
            writeln!(report, "{text}").unwrap();
        }
    }
    assert!(ran >= AT_LEAST, "only {ran} cases were found");
    assert!(failed == 0, "{failed} of {ran} cases fail:\n{report}");
}

fn read(file: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(file).unwrap();
    let stem = file.file_stem().unwrap().to_string_lossy();
    let mut cases = Vec::new();
    for text in text.split("\n=== ").skip(1) {
        let (name, rest) = text.split_once('\n').unwrap();
        let (script, rest) = rest.split_once("--- stdout\n").unwrap();
        let (stdout, end) = rest.rsplit_once("--- exit ").unwrap();
        let mut words = end.split_whitespace();
        let exit = words.next().and_then(|exit| exit.parse().ok()).unwrap();
        let stdout = match words.next() {
            Some("no-newline") => stdout.strip_suffix('\n').unwrap(),
            _ => stdout,
        };
        let (name, script, stdout) = (format!("{stem}/{name}"), script.to_owned(), stdout.to_owned());
        cases.push(Case { name, script, stdout, exit });
    }
    cases
}
