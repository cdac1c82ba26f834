//! The conformance suite over a real engine.

use flue_core_testkit::sandbox::suite;
use flue_sandbox_remote_kit::{AtClose, Workspace};

use crate::engine::{BUSY, Engine};

pub(crate) async fn conforms(engine: &'static Engine) {
    let _busy = BUSY.lock().await;
    let workspace = Workspace::per_session().at_close(AtClose::Keep);
    let suite = suite(engine.remote("suite").workspace(workspace));
    // It has a runtime of its own.
    tokio::task::spawn_blocking(move || suite.run_blocking().assert()).await.unwrap();
}
