//! Workspaces: found again, told apart from fresh ones, refused, deleted, swept.

use std::time::{Duration, SystemTime};

use flue_core::{CreateDir, Error, ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{AtClose, Labels, NetworkPolicy, OWNER_LABEL, Provider, Remote, Reuse, Workspace, sweep};
use flue_sandbox_remote_ssh::Ssh;

use crate::server::server;

fn lost(error: &Error) -> bool {
    error.kind() == ErrorKind::SandboxDied && error.fact("reason") == Some("state_lost")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_came_back_empty_is_lost_and_nothing_runs_there() {
    let Some(server) = server("state lost") else { return };
    let remote = server.remote("lost");
    let sandbox = remote.create(OpenRequest::new("lost")).await.unwrap();
    let generation = sandbox.generation().unwrap().to_owned();
    let root = sandbox.machine().to_owned();
    // The same name, another disk.
    std::fs::remove_dir_all(&root).unwrap();
    std::fs::create_dir(&root).unwrap();
    let ran = sandbox.exec(ExecRequest::new("echo ran >ran")).await.unwrap_err();
    assert!(lost(&ran), "{ran:?}");
    let file = sandbox.info().cwd.join("file").unwrap();
    for error in [
        sandbox.fs().write(&file, "x".into()).await.unwrap_err(),
        sandbox.fs().read(&file).await.unwrap_err(),
        sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err(),
        sandbox.fs().create_dir(&file, CreateDir::recursive()).await.unwrap_err(),
    ] {
        assert!(lost(&error), "{error:?}");
    }
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "nothing was made");
    sandbox.close().await.unwrap();
    let pinned = server.remote("lost").workspace(Workspace::per_session().generation(generation));
    let error = pinned.create(OpenRequest::new("lost")).await.unwrap_err();
    assert!(lost(&error), "{error:?}");
    // Labelled as it was, and not marked: this is not what was left there.
    std::fs::write(format!("{root}/.flue-labels"), std::fs::read(relabel(server, &root)).unwrap()).unwrap();
    let error = remote.create(OpenRequest::new("lost")).await.unwrap_err();
    assert!(lost(&error), "{error:?}");
}

/// Labels as the adapter writes them.
fn relabel(server: &crate::server::Server, root: &str) -> std::path::PathBuf {
    let key = root.rsplit('/').next().unwrap();
    let file = server.file("labels");
    std::fs::write(&file, format!("flue-owner=flue\nflue-workspace={key}\n")).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn reuse_is_as_it_was_said() {
    let Some(server) = server("reuse") else { return };
    let open = |reuse| async move {
        let workspace = Workspace::named("shared").reuse(reuse);
        server.remote("reuse").workspace(workspace).create(OpenRequest::new("any")).await
    };
    assert_eq!(open(Reuse::Required).await.unwrap_err().kind(), ErrorKind::NotFound);
    let first = open(Reuse::Never).await.unwrap();
    assert_eq!(open(Reuse::Never).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let second = open(Reuse::Required).await.unwrap();
    assert_eq!((first.machine(), first.generation()), (second.machine(), second.generation()));
    first.close().await.unwrap();
    second.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_honoured_is_refused_before_anything_is_made() {
    let Some(server) = server("refusals") else { return };
    for workspace in [
        Workspace::per_session().network(NetworkPolicy::None),
        Workspace::per_session().network(NetworkPolicy::AllowList(vec!["a.example".into()])),
        Workspace::per_session().at_close(AtClose::Stop),
    ] {
        let error = server.remote("never").workspace(workspace).create(OpenRequest::new("x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    }
    let at = Ssh::at(server.target(), server.work("never"));
    let error = Remote::new(at).workspace(Workspace::per_session().at_close(AtClose::Delete));
    assert_eq!(error.create(OpenRequest::new("x")).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!server.file("work/never").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_place_is_everybodys() {
    let Some(server) = server("in place") else { return };
    let remote = Remote::new(Ssh::at(server.target(), server.work("place")));
    let first = remote.create(OpenRequest::new("one")).await.unwrap();
    assert_eq!(first.info().cwd, server.work("place"));
    first.exec(ExecRequest::new("echo kept >file")).await.unwrap();
    let second = remote.create(OpenRequest::new("two")).await.unwrap();
    assert_eq!(second.exec(ExecRequest::new("cat file")).await.unwrap().stdout_text(), "kept\n");
    first.close().await.unwrap();
    second.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_deletes_and_sweeping_takes_only_what_is_over_and_owned() {
    let Some(server) = server("sweep") else { return };
    let hour = Duration::from_secs(3600);
    let open = |name: &'static str, owner: &'static str, workspace: Workspace| async move {
        let remote = server.remote("sweep").owner(owner).workspace(workspace);
        let sandbox = remote.create(OpenRequest::new(name)).await.unwrap();
        let dir = std::path::PathBuf::from(sandbox.machine());
        sandbox.close().await.unwrap();
        dir
    };
    let gone = open("gone", "me", Workspace::per_session().at_close(AtClose::Delete)).await;
    assert!(!gone.exists());
    let over = open("over", "me", Workspace::per_session().time_to_live(hour)).await;
    let kept = open("kept", "me", Workspace::per_session()).await;
    let others = open("others", "them", Workspace::per_session().time_to_live(hour)).await;
    let ssh = server.ssh("sweep");
    assert_eq!(ssh.find(&Labels::from([(OWNER_LABEL.into(), "me".into())])).await.unwrap().len(), 2);
    let now = SystemTime::now();
    assert_eq!(sweep(&ssh, "me", now).await.unwrap(), []);
    // Used again an hour later, it lives an hour longer.
    ssh.touch(over.to_str().unwrap(), 3 * hour).await.unwrap();
    assert_eq!(sweep(&ssh, "me", now + 2 * hour).await.unwrap(), []);
    let swept = sweep(&ssh, "me", now + 4 * hour).await.unwrap();
    assert_eq!(swept.len(), 1);
    assert!(!over.exists() && kept.exists() && others.exists());
}
