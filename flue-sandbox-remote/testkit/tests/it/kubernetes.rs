//! The official clients against the Kubernetes server.

use flue_sandbox_remote_testkit::kubernetes::{Kubernetes, NAMESPACE, POOL, TOKEN};

use libtest_mimic::Trial;

use crate::certify::{certify, is_possible};
use crate::trial;

/// The clients that certify, of the versions that were read.
const CLIENTS: &[&str] = &["kubernetes==37.0.2", "k8s-agent-sandbox==1.0.8"];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = trial("kubernetes::official_clients_certify_every_call", official_clients_certify_every_call);
    vec![trial.with_ignored_flag(!is_possible())]
}

async fn official_clients_certify_every_call() {
    let server = Kubernetes::start().await.expect("start");
    let url = server.url();
    let variables = [("API_URL", url.as_str()), ("TOKEN", TOKEN), ("NAMESPACE", NAMESPACE), ("POOL", POOL)];
    let out = certify("kubernetes", CLIENTS, "certify_kubernetes.py", &variables).await;
    assert!(out.ends_with("certified: 22 checks\n"), "{out}");
}
