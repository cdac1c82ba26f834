//! The store suite, and a run that is killed at every step.

use std::path::PathBuf;
use std::sync::Arc;

use flue_core::Result;
use flue_core::store::SessionStore;
use flue_core_store_jsonl::JsonLines;
use flue_core_testkit::Scratch;
use flue_core_testkit::store::{crash, suite};

async fn open(dir: PathBuf) -> Result<Arc<dyn SessionStore>> {
    Ok(Arc::new(JsonLines::open(dir.join("sessions")).await?))
}

#[test]
fn passes() {
    let scratch = Scratch::new("jsonl");
    let dir = scratch.path().to_owned();
    suite("jsonl", move || open(dir.clone())).run_blocking().assert();
    let left = std::fs::read_dir(scratch.path().join("sessions")).unwrap().count();
    assert_eq!(left, 0, "directories go with their last session");
}

#[test]
fn passes_without_sync() {
    let scratch = Scratch::new("jsonl");
    let dir = scratch.path().to_owned();
    let open = move || {
        let dir = dir.clone();
        async move {
            let store: Arc<dyn SessionStore> = Arc::new(JsonLines::open(dir).await?.without_sync());
            Ok(store)
        }
    };
    suite("jsonl without sync", open).run_blocking().assert();
}

#[test]
fn crash_victim() {
    crash::victim(open);
}

#[test]
fn a_run_that_is_killed_at_any_step_goes_on() {
    crash::run("suite::crash_victim", open);
}
