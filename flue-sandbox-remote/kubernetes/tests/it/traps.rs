//! What catches adapters out at Kubernetes, a test each.

use std::time::Duration;

use flue_core::{ErrorKind, ExecEnd, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Provider, Remote};
use flue_sandbox_remote_kubernetes::Kubernetes;

use crate::server::{Server, said};

/// A sandbox that was adopted from the pool has another name than the claim.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_leads_to_a_pod_of_another_name() {
    let server = Server::start().await;
    server.0.come_up_after(Duration::from_millis(1500));
    // Nor need the pod have the sandbox's name: then an annotation says which it is.
    server.0.rename_pods();
    let sandbox = server.open("adopted").await;
    let pod = server.pod(&sandbox);
    assert!(pod != sandbox.machine() && server.0.shown("sandboxes", &pod).is_none(), "{pod}");
    assert_eq!(said(&sandbox, "echo here >file; cat file").await, "here\n");
    let home = server.0.home(&server.pod(&sandbox)).unwrap();
    assert_eq!(std::fs::read(home.join("workspace/file")).unwrap(), b"here\n");
    sandbox.close().await.unwrap();
}

/// A pool that is not there never comes up; the controller says so at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_missing_is_said_at_once_and_nothing_stays() {
    let server = Server::start().await;
    let remote = Remote::new(server.of(Kubernetes::pool("nowhere")));
    let error = remote.create(OpenRequest::new("a")).await.unwrap_err();
    assert!(error.to_string().contains("WarmPoolNotFound") || error.fact("said").is_some(), "{error:?}");
    assert!(server.pool().find(&Default::default()).await.unwrap().is_empty());
}

/// `Ready=False` passes where the controller goes on, and is the end where it does not.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_reason_that_does_not_pass_is_death() {
    let server = Server::start().await;
    for (reason, is_death) in [("SandboxNotReady", false), ("PodFailed", true)] {
        let sandbox = server.open(reason).await;
        let unready = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.0.unready("sandboxclaims", sandbox.machine(), reason);
        };
        let request = ExecRequest::new("sleep 12; echo on").with_timeout(Duration::from_secs(120));
        let (result, ()) = tokio::join!(sandbox.exec(request), unready);
        match result {
            Ok(output) => assert!(!is_death && output.stdout_text() == "on\n", "{reason}: {output:?}"),
            Err(error) => assert!(is_death && error.kind() == ErrorKind::SandboxDied, "{reason}: {error:?}"),
        }
    }
}

/// A stream that ends without a status is no success.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_status_is_never_zero() {
    let server = Server::start().await;
    let sandbox = server.open("mute").await;
    server.0.be_mute_once();
    // The script itself is killed, so that nobody but the status could say how it ended.
    let result = sandbox.exec(ExecRequest::new("kill -KILL $PPID; kill -KILL $$")).await;
    assert!(result.as_ref().map_or(true, |output| output.end != ExecEnd::Exited(0)), "{result:?}");
    sandbox.close().await.unwrap();
}

/// What reads and writes at a time stops neither: 16 MiB go through `cat`.
#[tokio::test(flavor = "multi_thread")]
async fn input_and_output_flow_at_a_time() {
    let server = Server::start().await;
    let sandbox = server.open("flow").await;
    let data = vec![b'x'; 16 << 20];
    let output = sandbox.exec(ExecRequest::new("tee /dev/stderr | wc -c").with_stdin(data)).await.unwrap();
    assert_eq!(output.stdout_text().trim(), (16 << 20).to_string());
    sandbox.close().await.unwrap();
}

/// The older protocol cannot end an input, so input goes another way.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_cluster_gets_input_by_files() {
    let server = Server::start().await;
    server.0.be_old();
    let sandbox = server.open("old").await;
    let output = sandbox.exec(ExecRequest::new("wc -c").with_stdin(vec![b'y'; 3 << 20])).await.unwrap();
    assert_eq!(output.stdout_text().trim(), "3145728");
    let file = sandbox.info().cwd.join("file").unwrap();
    sandbox.fs().write(&file, "kept".into()).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), "kept");
    sandbox.close().await.unwrap();
}

/// A label's value is short and plain; owners are what they are.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_no_label_takes_is_found_again() {
    let server = Server::start().await;
    let remote = || server.remote().owner("some&body=else, ä ".repeat(8));
    let first = remote().create(OpenRequest::new("a")).await.unwrap();
    let again = remote().create(OpenRequest::new("a")).await.unwrap();
    assert_eq!(first.machine(), again.machine());
    again.close().await.unwrap();
}
