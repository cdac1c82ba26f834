//! What cannot be had is an error when the sandbox opens, or goes with a word to the model.

use std::path::Path;

use flue_core::{Error, ErrorKind, OpenRequest, Sandbox};
use flue_sandbox_local::{Confinement, Limits, Local, Mechanism, Tier, probe};

use super::place::{Place, is_at};
use super::{confined, policy};
use crate::temp::{Temp, said, sh};

async fn refused(dir: &Path, policy: Confinement) -> Error {
    Local::new(dir).confined(policy).create(OpenRequest::new("x")).await.unwrap_err()
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

#[tokio::test]
async fn a_program_that_starts_no_helpers_is_told_so() {
    let temp = Temp::new();
    let error = refused(temp.path(), Confinement::new()).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("flue_sandbox_local::init()"), "{error}");
    assert!(probe().iter().all(|finding| !finding.holds && finding.detail.contains("init()")));
    for (helper, why) in [("/bin/true", "does not answer"), ("/bin/no-such-program", "No such file")] {
        let error = refused(temp.path(), Confinement::new().helper(helper)).await;
        assert!(format!("{error:#}").contains(why), "{helper}: {error:#}");
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_is_refused() {
    let temp = Temp::new();
    temp.put("file", "");
    for (dir, policy) in [
        (Path::new("/"), policy()),
        (temp.path(), policy().allow_write("missing")),
        (temp.path(), policy().allow_write("file")),
        (temp.path(), policy().allow_write("/")),
        (temp.path(), policy().hide(temp.path().parent().unwrap())),
        (temp.path(), policy().hide(temp.path())),
    ] {
        let error = refused(dir, policy).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    }
}

#[tokio::test]
async fn this_machine_holds_commands_with_everything() {
    if !crate::machine::confines() {
        return;
    }
    let findings = policy().probe();
    assert_eq!(findings.iter().map(|finding| finding.mechanism).collect::<Vec<_>>(), Mechanism::ALL);
    for finding in findings {
        assert!(finding.holds, "{finding}; the tests of confinement take a Linux of 6.14 or later");
    }
}

#[test]
fn without_namespaces_it_does_not_open_unless_that_will_do() {
    if !is_at(Place::WithoutNamespaces, "confined::refusals::without_namespaces_it_does_not_open_unless_that_will_do") {
        return;
    }
    block_on(async {
        let temp = Temp::new();
        temp.put("secret/key", "");
        let error = refused(temp.path(), policy()).await;
        assert_eq!((error.kind(), error.fact("missing")), (ErrorKind::Unsupported, Some("namespaces")));
        assert!(error.to_string().contains("min_tier(Tier::Landlock)"), "{error}");
        assert!(error.fact("why").unwrap().contains("No space left"), "{error}");

        let sandbox = confined(temp.path(), policy().waive(Mechanism::Namespaces)).await;
        let notes = sandbox.info().notes.join("\n");
        assert!(notes.contains("Not enforced on this machine: namespaces"), "{notes}");
        assert_eq!(said(&sandbox, "echo works").await, "works\n");
        let found: Vec<_> = policy().probe().into_iter().map(|finding| (finding.mechanism, finding.holds)).collect();
        assert_eq!(found[0], (Mechanism::Namespaces, false));
        assert!(found[1..].iter().all(|(_, holds)| *holds), "{found:?}");

        // What takes namespaces is not promised.
        let weak = || policy().min_tier(Tier::Landlock);
        let error = refused(temp.path(), weak().allow_host("example.com")).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let error = refused(temp.path(), weak().hide(temp.path().join("secret"))).await;
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    });
}

#[tokio::test]
async fn limits_hold_and_the_model_is_told() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    let limits = Limits::new()
        .with_processes(320)
        .with_memory_bytes(256 << 20)
        .with_file_bytes(1 << 20)
        .with_cpu_time(std::time::Duration::from_millis(500))
        .with_open_files(64);
    let sandbox = confined(temp.path(), policy().limits(limits)).await;
    let notes = sandbox.info().notes.join("\n");
    assert!(notes.contains("at most 320 processes") && notes.contains("256 MiB of memory"), "{notes}");
    assert!(notes.contains("files of 1 MiB and 1 s of processor time"), "{notes}");
    let limits = said(&sandbox, "ulimit -c -d -f -n -t").await;
    let numbers: Vec<&str> = limits.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(numbers, ["0", "262144", "1024", "64", "1"], "{limits}");
    assert_eq!(sh(&sandbox, "head -c 2M /dev/zero > big").await.unwrap().exit_code(), 153, "SIGXFSZ");
    assert_eq!(std::fs::metadata(temp.path().join("big")).unwrap().len(), 1 << 20);
    let spin = sh(&sandbox, "while :; do :; done").await.unwrap();
    assert!(matches!(spin.exit_code(), 137 | 152), "{spin:?}");
    let forks = "for i in $(seq 400); do sleep 20 & done; echo all";
    let forked = sandbox.exec(flue_core::ExecRequest::new(forks).with_timeout(std::time::Duration::from_secs(8))).await;
    let forked = forked.unwrap();
    assert!(forked.stderr_text().contains("fork"), "{} {}", forked.stdout_text(), forked.stderr_text());
}
