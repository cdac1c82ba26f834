//! The conformance suite.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_kit::{AtClose, Workspace};
use tokio::runtime::Runtime;

use crate::server::Server;

/// How long a case may take, on a machine that has much else to do: a thousand files are some thousand requests.
const CASE_LIMIT: Duration = Duration::from_secs(240);

#[test]
fn conforms() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let workspace = Workspace::per_session().at_close(AtClose::Keep);
    suite(server.remote().workspace(workspace))
        .except(
            "lifecycle::another_id_has_other_files",
            "the server's machines are directories of one machine, and their absolute paths name the same files",
        )
        .with_case_limit(CASE_LIMIT)
        .run_blocking()
        .assert();
}
