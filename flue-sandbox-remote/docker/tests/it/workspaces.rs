//! Workspaces: found again, told apart from fresh ones, stopped, deleted, swept.

use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{AtClose, Labels, OWNER_LABEL, Provider, Reuse, Workspace, sweep};

use crate::engine::Engine;

fn lost(error: &Error) -> bool {
    error.kind() == ErrorKind::SandboxDied && error.fact("reason") == Some("state_lost")
}

pub(crate) async fn a_container_made_anew_under_the_same_name_is_lost_and_nothing_runs_there(engine: &'static Engine) {
    let remote = engine.remote("lost");
    let sandbox = remote.create(OpenRequest::new("lost")).await.unwrap();
    let name = sandbox.machine().to_owned();
    let key = name.strip_prefix("flue-lost-").unwrap();
    engine.client(&["rm", "-f", &name]);
    let label = format!("flue-workspace={key}");
    let labels = ["--label", "flue-owner=lost", "--label", &label];
    let idle = ["--network=none", "local/base:1", "sh", "-c", "mkdir /workspace; exec tail -f /dev/null"];
    engine.client(&[&["run", "-d", "--name", &name][..], &labels, &idle].concat());
    let error = sandbox.exec(ExecRequest::new("echo ran >/tmp/ran")).await.unwrap_err();
    assert!(lost(&error), "{error:?}");
    let file = sandbox.info().cwd.join("file").unwrap();
    let error = sandbox.fs().write(&file, "x".into()).await.unwrap_err();
    assert!(lost(&error), "{error:?}");
    assert_eq!(engine.client(&["exec", &name, "ls", "/tmp", "/workspace"]), "/tmp:\n\n/workspace:");
    sandbox.close().await.unwrap();
    let error = remote.create(OpenRequest::new("lost")).await.unwrap_err();
    assert!(lost(&error), "{error:?}");
}

pub(crate) async fn what_stopped_or_rests_goes_on_with_its_files(engine: &'static Engine) {
    let open = |at_close, reuse| async move {
        let workspace = Workspace::named("rests").at_close(at_close).reuse(reuse);
        engine.remote("stops").workspace(workspace).create(OpenRequest::new("x")).await
    };
    assert_eq!(open(AtClose::Keep, Reuse::Required).await.unwrap_err().kind(), ErrorKind::NotFound);
    let first = open(AtClose::Stop, Reuse::Never).await.unwrap();
    first.exec(ExecRequest::new("echo kept >file")).await.unwrap();
    assert_eq!(open(AtClose::Keep, Reuse::Never).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    first.close().await.unwrap();
    let labels = Labels::from([(OWNER_LABEL.into(), "stops".into())]);
    assert!(engine.docker().find(&labels).await.unwrap()[0].stopped);
    let second = open(AtClose::Keep, Reuse::Required).await.unwrap();
    assert_eq!(second.generation(), first.generation());
    engine.client(&["pause", second.machine()]);
    let third = open(AtClose::Delete, Reuse::Required).await.unwrap();
    assert_eq!(third.exec(ExecRequest::new("cat file")).await.unwrap().stdout_text(), "kept\n");
    third.close().await.unwrap();
    assert_eq!(engine.docker().find(&labels).await.unwrap(), []);
    // Gone is fine for who wants it gone, and not found for who wants it.
    engine.docker().delete(third.machine()).await.unwrap();
    assert_eq!(engine.docker().attach(third.machine()).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(engine.docker().delete("../images/x").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

pub(crate) async fn sweeping_takes_only_what_is_over_and_owned(engine: &'static Engine) {
    let hour = Duration::from_secs(3600);
    let open = |name: &'static str, owner: &'static str, workspace: Workspace| async move {
        let remote = engine.remote(owner).workspace(workspace);
        let sandbox = remote.create(OpenRequest::new(name)).await.unwrap();
        sandbox.close().await.unwrap();
        sandbox.machine().to_owned()
    };
    let over = open("over", "me", Workspace::per_session().time_to_live(hour)).await;
    let kept = open("kept", "me", Workspace::per_session()).await;
    let others = open("others", "them", Workspace::per_session().time_to_live(hour)).await;
    let docker = engine.docker();
    assert_eq!(docker.touch(&over, hour).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let now = SystemTime::now();
    assert_eq!(sweep(&docker, "me", now).await.unwrap(), []);
    let swept = sweep(&docker, "me", now + 2 * hour).await.unwrap();
    assert_eq!(swept.iter().map(|machine| &machine.id).collect::<Vec<_>>(), [&over]);
    let names = engine.client(&["ps", "-a", "--format", "{{.Names}}"]);
    assert!(!names.contains(&over) && names.contains(&kept) && names.contains(&others), "{names}");
}
