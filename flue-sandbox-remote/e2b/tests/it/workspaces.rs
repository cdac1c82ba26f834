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
    assert_eq!(server.0.asked(open.machine()).unwrap()["allow_internet_access"], serde_json::Value::Null);
    let error = under(NetworkPolicy::None).create(OpenRequest::new("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    server.machines().delete(open.machine()).await.unwrap();
    let none = under(NetworkPolicy::None).create(OpenRequest::new("a")).await.unwrap();
    assert_eq!(none.info().capabilities.network, NetworkReach::None);
    assert_eq!(server.0.asked(none.machine()).unwrap()["allow_internet_access"], false);
    server.machines().delete(none.machine()).await.unwrap();
    server.machines().delete(none.machine()).await.unwrap();
    let hosts = vec!["example.org".to_owned(), "10.0.0.0/8".to_owned()];
    let list = under(NetworkPolicy::AllowList(hosts.clone())).create(OpenRequest::new("a")).await.unwrap();
    assert_eq!(list.info().capabilities.network, NetworkReach::AllowList(hosts.clone()));
    // What is allowed goes before what is denied, and that is everything.
    let wanted = serde_json::json!({"allowOut": hosts, "denyOut": ["0.0.0.0/0"]});
    assert_eq!(server.0.asked(list.machine()).unwrap()["network"], wanted);
}

/// A listing comes in pages.
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_found_on_every_page() {
    let server = Server::start().await;
    server.0.list_in_pages_of(2);
    for id in ["a", "b", "c", "d", "e"] {
        server.open(id).await;
    }
    let owner = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    assert_eq!(server.machines().find(&owner).await.unwrap().len(), 5);
}

/// A sweep takes what is found: a provider that takes no notice of labels must not give away what is others'.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_others_is_not_found_whatever_the_provider_lists() {
    let server = Server::start().await;
    server.remote().owner("others").create(OpenRequest::new("theirs")).await.unwrap();
    let ours = server.open("ours").await;
    server.0.list_all();
    let owner = Labels::from([(OWNER_LABEL.to_owned(), Remote::OWNER.to_owned())]);
    let found = server.machines().find(&owner).await.unwrap();
    assert_eq!(found.iter().map(|machine| machine.id.as_str()).collect::<Vec<_>>(), [ours.machine()]);
}

/// Without a word of ours the provider ends a machine that has no time to live, and its files with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_an_end_is_paused_and_not_lost() {
    let server = Server::start().await;
    let sandbox = server.open("long").await;
    let asked = server.0.asked(sandbox.machine()).unwrap();
    assert_eq!(
        (&asked["timeout"], &asked["autoPause"]),
        (&serde_json::json!(900), &serde_json::json!(true)),
        "{asked}"
    );
    assert_eq!(asked["secure"], true, "whoever knows the name of a machine cannot use it");
    server.machines().stop(sandbox.machine()).await.unwrap();
    server.machines().stop(sandbox.machine()).await.unwrap();
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("reason")), (ErrorKind::SandboxDied, Some("stopped")), "{error:?}");
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
