//! The conformance suite over a real server.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;

use crate::server::{BUSY, server};

/// How long a case may take: each file of a thousand is a login shell.
const CASE_LIMIT: Duration = Duration::from_secs(240);

#[test]
fn conforms() {
    let Some(server) = server("the conformance suite") else { return };
    let _busy = BUSY.blocking_lock();
    suite(server.remote("suite"))
        .except(
            "lifecycle::another_id_has_other_files",
            "absolute paths name the same files of one machine for every id",
        )
        .with_case_limit(CASE_LIMIT)
        .run_blocking()
        .assert();
}
