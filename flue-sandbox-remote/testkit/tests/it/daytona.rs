//! Daytona's own client against the Daytona server.

use flue_sandbox_remote_testkit::daytona::{API_KEY, Daytona};
use libtest_mimic::Trial;

use crate::certify::{certify, is_possible};
use crate::trial;

/// The client that certifies, of the version that was read.
const CLIENT: &str = "daytona==0.226.1";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = trial("daytona::official_client_certifies_every_call", official_client_certifies_every_call);
    vec![trial.with_ignored_flag(!is_possible())]
}

async fn official_client_certifies_every_call() {
    let server = Daytona::start().await.expect("start");
    let api = server.api_url();
    let variables = [
        ("DAYTONA_API_KEY", API_KEY),
        ("DAYTONA_API_URL", api.as_str()),
        ("DAYTONA_TARGET", "us"),
        // Otherwise it waits for news on a channel of another protocol.
        ("DAYTONA_USE_DEPRECATED_POLLING", "true"),
    ];
    let out = certify("daytona", &[CLIENT], "certify_daytona.py", &variables).await;
    assert!(out.ends_with("certified: 45 checks\n"), "{out}");
}
