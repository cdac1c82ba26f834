//! The store suite, and a run that is killed at every step.

use std::path::PathBuf;
use std::sync::Arc;

use flue_core::Result;
use flue_core::store::SessionStore;
use flue_core_store_sqlite::Sqlite;
use flue_core_testkit::Scratch;
use flue_core_testkit::store::{crash, suite};

async fn open(dir: PathBuf) -> Result<Arc<dyn SessionStore>> {
    Ok(Arc::new(Sqlite::open(dir.join("made/sessions.db")).await?))
}

#[test]
fn passes() {
    let scratch = Scratch::new("sqlite");
    let dir = scratch.path().to_owned();
    suite("sqlite", move || open(dir.clone())).run_blocking().assert();
}

#[test]
fn crash_victim() {
    crash::victim(open);
}

#[test]
fn a_run_that_is_killed_at_any_step_goes_on() {
    crash::run("suite::crash_victim", open);
}
