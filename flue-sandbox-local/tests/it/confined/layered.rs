//! Confinement and a layer over the workspace, together.

use flue_core::{OpenRequest, Sandbox, SandboxLevel};
use flue_core_testkit::sandbox::suite;
use flue_sandbox_local::Local;

use super::place::{Place, is_at};
use super::policy;
use crate::temp::{Temp, said, sh};

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future);
}

#[test]
fn passes_the_suite_and_touches_nothing() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    suite(Local::new(temp.path()).confined(policy()).overlay()).run_blocking().assert();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "something was written to the host");
}

#[test]
fn holds_commands_and_keeps_what_they_write() {
    if !crate::machine::confines() {
        return;
    }
    block_on(holds());
}

#[test]
fn holds_commands_of_an_ordinary_user_and_keeps_what_they_write() {
    if is_at(Place::Somebody, "confined::layered::holds_commands_of_an_ordinary_user_and_keeps_what_they_write") {
        block_on(holds());
    }
}

async fn holds() {
    let temp = Temp::new();
    temp.put("work/file", "old\n");
    temp.put("out/file", "old\n");
    let overlay = Local::new(temp.path().join("work")).confined(policy()).overlay();
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    assert_eq!((sandbox.info().level, &*sandbox.info().provider), (SandboxLevel::Confined, "local:overlay"));
    said(&sandbox, "echo new > file && mkdir a && echo made > a/b && test ! -e ../out/file").await;
    assert_eq!(said(&sandbox, "cat file a/b").await, "new\nmade\n");
    assert_ne!(sh(&sandbox, "unshare -U true || exec 3<>/dev/tcp/127.0.0.1/1").await.unwrap().exit_code(), 0);
    assert_eq!(std::fs::read_to_string(temp.path().join("work/file")).unwrap(), "old\n");
    let changes = overlay.diff().await.unwrap();
    let patch = String::from_utf8_lossy(changes.patch()).into_owned();
    assert!(patch.contains("-old\n+new\n") && patch.contains("+made\n"), "{patch}");
    overlay.apply(&changes).await.unwrap();
    assert_eq!(std::fs::read_to_string(temp.path().join("work/a/b")).unwrap(), "made\n");
    assert_eq!(std::fs::read_to_string(temp.path().join("work/file")).unwrap(), "new\n");
}
