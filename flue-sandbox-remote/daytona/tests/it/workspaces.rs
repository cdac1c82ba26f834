//! Workspaces: found again, stopped, kept alive, swept, and held to a network policy.

use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, ExecRequest, NetworkReach, OpenRequest, Result, Sandbox};
use flue_sandbox_remote_daytona::Daytona;
use flue_sandbox_remote_kit::{
    AtClose, EXPIRY_LABEL, Labels, NetworkPolicy, OWNER_LABEL, Provider, Remote, Reuse, Spec, Workspace, sweep,
};
use flue_sandbox_remote_testkit::daytona::{Habits, JWT, ORGANIZATION};

use crate::server::{Server, is_death};

const MINUTE: Duration = Duration::from_secs(60);

fn owned(owner: &str) -> Labels {
    Labels::from([(OWNER_LABEL.to_owned(), owner.to_owned())])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_goes_on_with_its_files() {
    let server = Server::start().await;
    let open = |at_close, reuse| {
        let remote = server.remote().workspace(Workspace::named("rests").at_close(at_close).reuse(reuse));
        async move { remote.create(OpenRequest::new("x")).await }
    };
    assert_eq!(open(AtClose::Keep, Reuse::Required).await.unwrap_err().kind(), ErrorKind::NotFound);
    let first = open(AtClose::Stop, Reuse::Never).await.unwrap();
    first.exec(ExecRequest::new("echo kept >file")).await.unwrap();
    assert_eq!(open(AtClose::Keep, Reuse::Never).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    first.close().await.unwrap();
    assert!(server.daytona().find(&owned(Remote::OWNER)).await.unwrap()[0].stopped);
    // Twice is fine.
    server.daytona().stop(first.machine()).await.unwrap();
    let second = open(AtClose::Delete, Reuse::Required).await.unwrap();
    assert_eq!(second.generation(), first.generation());
    assert_eq!(second.exec(ExecRequest::new("cat file")).await.unwrap().stdout_text(), "kept\n");
    second.close().await.unwrap();
    // What is being deleted is not found any more, and its name is free.
    assert_eq!(server.daytona().find(&owned(Remote::OWNER)).await.unwrap(), []);
    let third = open(AtClose::Keep, Reuse::Allowed).await.unwrap();
    assert_ne!(third.generation(), first.generation());
    server.daytona().delete(second.machine()).await.unwrap();
    assert_eq!(server.daytona().attach(second.machine()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(server.daytona().attach("..").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(server.daytona().attach("a/../b?#").await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// A stopped machine answers with the status 400; and the provider stops it whatever runs inside.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_machine_stops_and_one_at_work_does_not() {
    let mut habits = Habits::default();
    habits.minute = Duration::from_secs(24);
    let server = Server::with(habits).await;
    let remote = Remote::new(server.daytona().auto_stop(MINUTE));
    let sandbox = remote.create(OpenRequest::new("idle")).await.unwrap();
    // Longer than the provider's patience.
    let output = sandbox.exec(ExecRequest::new("sleep 32; echo done")).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    assert!(server.count("last-activity") > 0);
    tokio::time::sleep(Duration::from_secs(28)).await;
    let error = sandbox.exec(ExecRequest::new("true")).await.unwrap_err();
    assert!(is_death(&error, "stopped"), "{error:?}");
    let again = remote.create(OpenRequest::new("idle")).await.unwrap();
    assert_eq!(again.generation(), sandbox.generation());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_counts_from_the_last_opening_and_sweeping_takes_only_what_is_over_and_owned() {
    let server = Server::start().await;
    let hour = Duration::from_secs(3600);
    let open = |name: &'static str, owner: &'static str, workspace: Workspace| {
        let remote = server.remote().owner(owner).workspace(workspace);
        async move { remote.create(OpenRequest::new(name)).await.unwrap().machine().to_owned() }
    };
    let over = open("over", "me", Workspace::per_session().time_to_live(hour)).await;
    let kept = open("kept", "me", Workspace::per_session()).await;
    let others = open("others", "them", Workspace::per_session().time_to_live(hour)).await;
    let daytona = server.daytona();
    let now = SystemTime::now();
    assert_eq!(sweep(&daytona, "me", now).await.unwrap(), []);
    let expires = || async {
        let found = daytona.find(&owned("me")).await.unwrap();
        found.iter().find(|machine| machine.id == over).unwrap().labels[EXPIRY_LABEL].parse::<u64>().unwrap()
    };
    let first = expires().await;
    assert_eq!(open("over", "me", Workspace::per_session().time_to_live(3 * hour)).await, over);
    assert!(expires().await >= first + 2 * 3600 - 60);
    assert_eq!(server.count("/autostop/180"), 1);
    assert_eq!(sweep(&daytona, "me", now + 2 * hour).await.unwrap(), []);
    let swept = sweep(&daytona, "me", now + 4 * hour).await.unwrap();
    assert_eq!(swept.iter().map(|machine| &machine.id).collect::<Vec<_>>(), [&over]);
    let left = daytona.find(&owned("me")).await.unwrap();
    assert_eq!(left.iter().map(|machine| &machine.id).collect::<Vec<_>>(), [&kept]);
    assert_eq!(daytona.find(&owned("them")).await.unwrap()[0].id, others);
}

/// Listings come in pages, but for those of older servers.
#[tokio::test(flavor = "multi_thread")]
async fn machines_are_found_on_every_page() {
    for page in [2, 0] {
        let mut habits = Habits::default();
        habits.page = page;
        let server = Server::with(habits).await;
        for name in ["a", "b", "c", "d", "e"] {
            server.remote().create(OpenRequest::new(name)).await.unwrap();
        }
        server.remote().owner("other").create(OpenRequest::new("f")).await.unwrap();
        assert_eq!(server.daytona().find(&owned(Remote::OWNER)).await.unwrap().len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_has_one_machine() {
    let server = Server::start().await;
    let mut spec = Spec::new("key");
    spec.labels = owned("me");
    server.daytona().create(&spec).await.unwrap();
    let error = server.daytona().create(&spec).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert_eq!(server.daytona().find(&owned("me")).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_its_organisation() {
    let server = Server::start().await;
    let open = |organization: &str| {
        let daytona = Daytona::with_token(JWT, organization).unwrap().address(&server.0.api_url()).unwrap();
        async move { Remote::new(daytona).create(OpenRequest::new("token")).await }
    };
    let sandbox = open(ORGANIZATION).await.unwrap();
    assert_eq!(sandbox.exec(ExecRequest::new("echo yes")).await.unwrap().stdout_text(), "yes\n");
    assert_eq!(open("another").await.unwrap_err().kind(), ErrorKind::Authentication);
}

async fn open(daytona: Daytona, network: NetworkPolicy) -> Result<NetworkReach> {
    let remote = Remote::new(daytona).workspace(Workspace::named("net").network(network));
    Ok(remote.create(OpenRequest::new("x")).await?.info().capabilities.network.clone())
}

fn list(hosts: &[&str]) -> NetworkPolicy {
    NetworkPolicy::AllowList(hosts.iter().map(|host| (*host).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_policy_holds_or_nothing_is_made() {
    let server = Server::start().await;
    assert_eq!(open(server.daytona(), NetworkPolicy::None).await.unwrap(), NetworkReach::None);
    // A list is refused without the word that it is enforced, and so is what no list can say.
    let fresh = Server::start().await;
    for (daytona, host) in [(fresh.daytona(), "a.example"), (fresh.daytona().allow_lists(true), "https://a.example")] {
        let error = open(daytona, list(&[host])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    assert_eq!(fresh.count("POST /api/sandbox"), 0);
    let reach = open(fresh.daytona().allow_lists(true), list(&["10.1.0.0/16", "1.2.3.4", "a.example"])).await.unwrap();
    let NetworkReach::AllowList(found) = reach else { panic!("{reach:?}") };
    assert_eq!(found, ["10.1.0.0/16", "1.2.3.4/32", "a.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_the_provider_sets_aside_is_an_error_and_no_machine_is_left() {
    let mut habits = Habits::default();
    habits.network_settings = false;
    let server = Server::with(habits).await;
    for policy in [NetworkPolicy::None, list(&["10.1.0.0/16"])] {
        let error = open(server.daytona().allow_lists(true), policy).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert_eq!(server.daytona().find(&owned(Remote::OWNER)).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_more_network_is_not_used_again() {
    let server = Server::start().await;
    let daytona = || server.daytona().allow_lists(true);
    open(daytona(), list(&["10.1.0.0/16", "1.2.3.4"])).await.unwrap();
    open(daytona(), list(&["1.2.3.4", "10.1.0.0/16", "10.2.0.0/16"])).await.unwrap();
    open(daytona(), NetworkPolicy::AsProvided).await.unwrap();
    for policy in [NetworkPolicy::None, list(&["1.2.3.4"])] {
        assert_eq!(open(daytona(), policy).await.unwrap_err().kind(), ErrorKind::Conflict);
    }
}
