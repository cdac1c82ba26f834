//! Workspaces: found again, paused, lost, refused, swept.

use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, ExecRequest, NetworkReach, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{
    AtClose, EXPIRY_LABEL, Labels, NetworkPolicy, OWNER_LABEL, Provider, Remote, Workspace, sweep,
};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_found_again_also_when_it_was_paused() {
    let server = Server::start().await;
    let remote = server.remote().workspace(Workspace::named("a b&c=d").at_close(AtClose::Stop));
    let first = remote.create(OpenRequest::new("one")).await.unwrap();
    let file = first.info().cwd.join("kept").unwrap();
    first.fs().write(&file, "kept".into()).await.unwrap();
    first.close().await.unwrap();
    let labels = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    let found = server.machines().find(&labels).await.unwrap();
    assert_eq!((found.len(), found[0].stopped), (1, true));
    let again = remote.create(OpenRequest::new("two")).await.unwrap();
    assert_eq!((again.machine(), again.generation()), (first.machine(), first.generation()));
    assert_eq!(again.fs().read(&file).await.unwrap(), "kept");
    let other = Labels::from([(OWNER_LABEL.to_owned(), "some&body=else".to_owned())]);
    assert!(server.machines().find(&other).await.unwrap().is_empty());
    again.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_back_empty_is_lost() {
    let server = Server::start().await;
    let sandbox = server.open("lost").await;
    server.0.come_back_empty(sandbox.machine()).unwrap();
    let error = sandbox.exec(ExecRequest::new("echo ran >ran")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
    let error = server.try_open("lost").await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{error:?}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_what_was_asked_for_or_the_workspace_is_refused() {
    let server = Server::start().await;
    let under = |network: NetworkPolicy| server.remote().workspace(Workspace::named("net").network(network));
    let open = under(NetworkPolicy::AsProvided).create(OpenRequest::new("a")).await.unwrap();
    assert_eq!(open.info().capabilities.network, NetworkReach::Open);
    let error = under(NetworkPolicy::None).create(OpenRequest::new("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    server.machines().delete(open.machine()).await.unwrap();
    let none = under(NetworkPolicy::None).create(OpenRequest::new("a")).await.unwrap();
    assert_eq!(none.info().capabilities.network, NetworkReach::None);
    server.machines().delete(none.machine()).await.unwrap();
    server.machines().delete(none.machine()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_says_when_a_machine_ends() {
    let server = Server::start().await;
    let hour = Duration::from_secs(3600);
    let remote = server.remote().workspace(Workspace::named("brief").time_to_live(hour));
    let sandbox = remote.create(OpenRequest::new("a")).await.unwrap();
    server.machines().touch(sandbox.machine(), 3 * hour).await.unwrap();
    let owner = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    let found = server.machines().find(&owner).await.unwrap();
    let left = found[0].expires().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(found[0].labels.contains_key(EXPIRY_LABEL) && left > 2 * hour, "{left:?}");
    let swept = sweep(&server.machines(), Remote::OWNER, SystemTime::now() + 2 * hour).await.unwrap();
    assert!(swept.is_empty(), "{swept:?}");
    let swept = sweep(&server.machines(), Remote::OWNER, SystemTime::now() + 4 * hour).await.unwrap();
    assert_eq!(swept.len(), 1);
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
}
