//! The conformance suite.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_kit::{AtClose, Remote, Workspace};
use flue_sandbox_remote_kubernetes::Kubernetes;
use tokio::runtime::Runtime;

use crate::server::Server;

/// How long a case may take, on a machine that has much else to do.
const CASE_LIMIT: Duration = Duration::from_secs(240);

fn conforms(machines: impl FnOnce(&Server) -> Kubernetes, cases: &[&str]) {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let machines = machines(&server);
    // The client belongs to the runtime that first uses it.
    runtime.block_on(async { flue_sandbox_remote_kit::Provider::find(&machines, &Default::default()).await }).unwrap();
    let workspace = Workspace::per_session().at_close(AtClose::Keep);
    suite(Remote::new(machines).workspace(workspace))
        .except(
            "lifecycle::another_id_has_other_files",
            "the server's machines are directories of one machine, and their absolute paths name the same files",
        )
        .only(cases)
        .with_case_limit(CASE_LIMIT)
        .run_blocking()
        .assert();
}

#[test]
fn claims_conform() {
    conforms(Server::pool, &[""]);
}

/// What is other there: input and content of files, which go by scripts, and pods, which are nobody's claim.
#[test]
fn pods_of_an_old_cluster_conform() {
    let old = |server: &Server| {
        server.0.be_old();
        server.image()
    };
    conforms(old, &["files::", "exec::", "lifecycle::", "concurrency::"]);
}
