//! The conformance suite over a real server.

use flue_core_testkit::sandbox::suite;

use crate::server::server;

#[test]
fn conforms() {
    let Some(server) = server("the conformance suite") else { return };
    suite(server.remote("suite"))
        .except(
            "lifecycle::another_id_has_other_files",
            "absolute paths name the same files of one machine for every id",
        )
        .run_blocking()
        .assert();
}
