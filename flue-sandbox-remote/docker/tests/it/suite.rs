//! The conformance suite over a real engine.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_kit::{AtClose, Workspace};

use crate::engine::{BUSY, engine};

/// How long a case may take: each file of a thousand is an exec.
const CASE_LIMIT: Duration = Duration::from_secs(300);

#[test]
#[ignore = "takes some ten minutes: each file operation is an exec of its own"]
fn conforms() {
    let Some(engine) = engine("the conformance suite") else { return };
    let _busy = BUSY.blocking_lock();
    let workspace = Workspace::per_session().at_close(AtClose::Keep);
    suite(engine.remote("suite").workspace(workspace)).with_case_limit(CASE_LIMIT).run_blocking().assert();
}
