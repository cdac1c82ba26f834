//! E2B's own client against the E2B server.

use flue_sandbox_remote_testkit::e2b::{API_KEY, E2b};

use libtest_mimic::Trial;

use crate::certify::{certify, is_possible};
use crate::trial;

/// The client that certifies, of the version that was read.
const CLIENT: &str = "e2b==2.63.0";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = trial("e2b::official_client_certifies_every_call", official_client_certifies_every_call);
    vec![trial.with_ignored_flag(!is_possible())]
}

async fn official_client_certifies_every_call() {
    let server = E2b::start().await.expect("start");
    let (api, sandbox) = (server.api_url(), server.sandbox_url());
    let variables = [
        ("E2B_API_KEY", API_KEY),
        ("E2B_API_URL", api.as_str()),
        ("E2B_SANDBOX_URL", sandbox.as_str()),
        ("E2B_HTTP_VERSION", "1.1"),
    ];
    let out = certify("e2b", &[CLIENT], "certify_e2b.py", &variables).await;
    assert!(out.ends_with("certified: 35 checks\n"), "{out}");
}
