//! The store suite, and a run that is killed at every step.

use std::path::PathBuf;
use std::sync::Arc;

use flue_core::Result;
use flue_core::store::SessionStore;
use flue_core_store_postgres::Postgres;
use flue_core_testkit::store::{crash, suite};

use crate::server::{open, run, url};

#[test]
fn passes() {
    suite("postgres", open).run_blocking().assert();
}

/// Opens a schema of its own for each directory, so that runs do not see each other.
async fn open_for(dir: PathBuf) -> Result<Arc<dyn SessionStore>> {
    // The process that is killed has the server from the one that kills it, through this file.
    let file = dir.join("url");
    if !file.exists() {
        let schema = dir.file_name().unwrap().to_str().unwrap().replace('-', "_");
        let url = std::env::var(crate::server::URL).unwrap_or_else(|_| url());
        run(&url, &format!("CREATE SCHEMA {schema}")).await;
        std::fs::write(&file, format!("{url} options='-c search_path={schema}'")).unwrap();
    }
    Ok(Arc::new(Postgres::open(&std::fs::read_to_string(file).unwrap()).await?))
}

#[test]
fn crash_victim() {
    crash::victim(open_for);
}

#[test]
fn a_run_that_is_killed_at_any_step_goes_on() {
    crash::run_with("suite::crash_victim", &[(crate::server::URL, &url())], open_for);
}
