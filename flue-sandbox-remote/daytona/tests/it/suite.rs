//! The conformance suite.

use std::time::Duration;

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_testkit::daytona::Habits;
use tokio::runtime::Runtime;

use crate::server::{BUSY, Server};

/// How long a case may take, on a busy machine.
const CASE_LIMIT: Duration = Duration::from_secs(300);

fn conforms(habits: Habits, cases: &[&str]) {
    let _busy = BUSY.blocking_lock();
    // The suite has a runtime of its own.
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Server::with(habits));
    suite(server.remote())
        .only(cases)
        .with_case_limit(CASE_LIMIT)
        .except(
            "lifecycle::another_id_has_other_files",
            "absolute paths name the same files of one machine for every sandbox of the server",
        )
        .run_blocking()
        .assert();
}

#[test]
fn a_daemon_of_today_passes() {
    conforms(Habits::default(), &[""]);
}

/// What is other there: how large files get there.
#[test]
fn an_older_daemon_passes() {
    let mut habits = Habits::default();
    habits.upload_v2 = false;
    conforms(habits, &["files::", "concurrency::"]);
}
