//! Workspaces: found again, prolonged, refused, swept.

use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{AtClose, NetworkPolicy, Provider, Remote, Workspace, sweep};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_found_again_and_deleted_with_all_that_it_had() {
    let server = Server::start().await;
    for machines in [server.pool(), server.image()] {
        let remote = Remote::new(machines.clone()).workspace(Workspace::named("a b&c=d"));
        let first = remote.create(OpenRequest::new("one")).await.unwrap();
        let file = first.info().cwd.join("kept").unwrap();
        first.fs().write(&file, "kept".into()).await.unwrap();
        first.close().await.unwrap();
        let again = remote.create(OpenRequest::new("two")).await.unwrap();
        assert_eq!((again.machine(), again.generation()), (first.machine(), first.generation()));
        assert_eq!(again.fs().read(&file).await.unwrap(), "kept");
        let pod = server.pod(&again);
        machines.delete(again.machine()).await.unwrap();
        machines.delete(again.machine()).await.unwrap();
        assert!(server.0.home(&pod).is_none() && machines.find(&Default::default()).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_enforced_or_kept_is_refused_before_anything_is_made() {
    let server = Server::start().await;
    let none = Workspace::named("a").network(NetworkPolicy::None);
    let list = Workspace::named("a").network(NetworkPolicy::AllowList(vec!["example.org".into()]));
    for workspace in [none, list, Workspace::named("a").at_close(AtClose::Stop)] {
        let error = server.remote().workspace(workspace).create(OpenRequest::new("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    assert!(server.pool().find(&Default::default()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_that_is_over_says_so() {
    let server = Server::start().await;
    let workspace = Workspace::per_session().time_to_live(Duration::from_secs(2));
    let sandbox = server.remote().workspace(workspace).create(OpenRequest::new("brief")).await.unwrap();
    // Nobody uses it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("expired")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_in_use_outlives_its_time() {
    let server = Server::start().await;
    let workspace = Workspace::per_session().time_to_live(Duration::from_secs(12));
    let sandbox = server.remote().workspace(workspace).create(OpenRequest::new("busy")).await.unwrap();
    let output = sandbox.exec(ExecRequest::new("sleep 20; echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_say_when_they_may_be_swept() {
    let (server, hour) = (Server::start().await, Duration::from_secs(3600));
    for machines in [server.pool(), server.image()] {
        let remote = Remote::new(machines.clone()).workspace(Workspace::named("brief").time_to_live(hour));
        let sandbox = remote.create(OpenRequest::new("a")).await.unwrap();
        machines.touch(sandbox.machine(), 3 * hour).await.unwrap();
        let swept = sweep(&machines, Remote::OWNER, SystemTime::now() + 2 * hour).await.unwrap();
        assert!(swept.is_empty(), "{swept:?}");
        let swept = sweep(&machines, Remote::OWNER, SystemTime::now() + 4 * hour).await.unwrap();
        assert_eq!(swept.len(), 1);
    }
}

/// A list comes in pages, which may be shorter than what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_found_on_every_page() {
    let server = Server::start().await;
    server.0.list_in_pages_of(2);
    for id in ["a", "b", "c", "d", "e"] {
        server.open(id).await;
    }
    assert_eq!(server.pool().find(&Default::default()).await.unwrap().len(), 5);
}

/// What is deleted may stay for a while.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_going_is_not_found_any_more() {
    let server = Server::start().await;
    let sandbox = server.open("going").await;
    assert_eq!(server.pool().find(&Default::default()).await.unwrap().len(), 1);
    server.0.linger("sandboxclaims", sandbox.machine());
    assert!(server.pool().find(&Default::default()).await.unwrap().is_empty());
    let error = server.pool().attach(sandbox.machine()).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
}
