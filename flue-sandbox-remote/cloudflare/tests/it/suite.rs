//! The conformance suite.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_kit::{AtClose, Workspace};
use tokio::runtime::Runtime;

use crate::bridge::bridge;

/// How long a case may take, on a machine that has much else to do: each file of a thousand is some requests.
const CASE_LIMIT: Duration = Duration::from_secs(600);

#[test]
fn conforms() {
    let runtime = Runtime::new().unwrap();
    let Some(bridge) = runtime.block_on(bridge("suite::conforms")) else { return };
    let workspace = Workspace::per_session().at_close(AtClose::Keep);
    suite(bridge.remote().workspace(workspace))
        .except(
            "lifecycle::another_id_has_other_files",
            "containers are directories of one machine, and their absolute paths name the same files",
        )
        .with_case_limit(CASE_LIMIT)
        .run_blocking()
        .assert();
}
