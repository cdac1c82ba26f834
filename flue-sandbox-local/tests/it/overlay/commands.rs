//! What commands and the file API see, and what the host does.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use flue_core::reach::{Aspect, ReachLog};
use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_local::Local;

use super::{Place, overlay, told};
use crate::temp::{Temp, said, sh};

#[tokio::test]
async fn both_sides_see_the_merged_files_and_the_host_keeps_its_own() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a\n"), ("sub/b", "b\n"), ("c", "c\n")]).await;
    let fs = place.sandbox.fs();
    assert_eq!(place.sh("pwd; cat a sub/b; echo from-shell > a; rm -r sub; mkdir sub; echo n > sub/new").await, {
        format!("{}\na\nb\n", place.host("").canonicalize().unwrap().display())
    });
    assert_eq!(fs.read(&place.temp.at("dir/a")).await.unwrap(), "from-shell\n");
    assert_eq!(fs.read(&place.temp.at("dir/sub/b")).await.unwrap_err().kind(), ErrorKind::NotFound);
    fs.write(&place.temp.at("dir/c"), "from-api".into()).await.unwrap();
    assert_eq!(place.sh("cat c; ls sub").await, "from-apinew\n");
    assert_eq!((place.text("a"), place.text("sub/b"), place.text("c")), ("a\n".into(), "b\n".into(), "c\n".into()));
    assert!(!place.host("sub/new").exists());
    assert_eq!(told(&place.diff().await), ["modified a", "modified c", "deleted sub/b", "added sub/new"]);
}

#[tokio::test]
async fn what_a_command_changed_is_in_its_reach() {
    /// Longer than a tick of the clock by which the kernel dates changes.
    const TICKS: Duration = Duration::from_millis(50);
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a\n"), ("sub/b", "b\n"), ("c", "c\n"), ("read", "r\n")]).await;
    place.temp.put("beside", "");
    let reach = async |command: &str| {
        tokio::time::sleep(TICKS).await;
        let log = Arc::new(ReachLog::new());
        let mut request = ExecRequest::new(command);
        request.reach = Some(log.clone());
        assert!(place.sandbox.exec(request).await.unwrap().success(), "{command}");
        log.take()
    };
    let dir = place.temp.at("dir");
    let paths = |names: &[&str]| names.iter().map(|name| format!("{dir}/{name}")).collect::<Vec<_>>();
    let first = reach("cat read; echo more >> a; rm sub/b; mkdir -p deep/empty; echo n > deep/new; chmod 600 c").await;
    assert_eq!(first.writes.iter().collect::<Vec<_>>(), paths(&["a", "c", "deep/empty", "deep/new", "sub/b"]));
    // The layer is not all that it can write to.
    assert!(!first.is_known(Aspect::Writes));
    // What was changed before is not changed again.
    let second = reach("cat a deep/new; echo x > ../beside; mv deep/new deep/newer; touch -d 2001-01-01 a").await;
    assert_eq!(second.writes.iter().collect::<Vec<_>>(), paths(&["a", "deep/newer"]));
    let third = reach("rm deep/newer; mkdir -p old/in; touch old/in/file").await;
    assert_eq!(third.writes.iter().collect::<Vec<_>>(), paths(&["deep", "old/in/file"]));
    assert_eq!(reach("mv old new").await.writes.iter().collect::<Vec<_>>(), paths(&["new"]));
    assert!(reach("cat a").await.writes.is_empty());
    // Ended by a time limit or called off, it has written all the same.
    let log = Arc::new(ReachLog::new());
    let mut request = ExecRequest::new("echo x > begun; exec sleep 30");
    request.reach = Some(log.clone());
    let cancel = request.cancel.clone();
    let (ended, ()) = tokio::join!(place.sandbox.exec(request), async {
        while place.sandbox.fs().metadata(&place.temp.at("dir/begun")).await.is_err() {
            tokio::time::sleep(TICKS).await;
        }
        cancel.cancel();
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(log.take().writes.contains(paths(&["begun"])[0].as_str()));
}

#[tokio::test]
async fn the_rest_of_the_machine_is_as_it_is() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[]).await;
    place.temp.put("beside/file", "beside\n");
    assert_eq!(place.sh("cat ../beside/file; echo changed > ../beside/file").await, "beside\n");
    assert_eq!(std::fs::read_to_string(place.temp.path().join("beside/file")).unwrap(), "changed\n");
    let id = place.sh("id -u; id -g; umask").await;
    assert_eq!(id, {
        let plain = place.temp.open().await;
        said(&plain, "id -u; id -g; umask").await
    });
    let error = place.sandbox.fs().read(&place.temp.at("beside/file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(place.diff().await.is_empty());
}

#[tokio::test]
async fn commands_start_anywhere_and_say_where_they_cannot() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("file", "")]).await;
    place.sh("mkdir made").await;
    let start = async |path: &str| place.sandbox.exec(ExecRequest::new("pwd").with_cwd(place.temp.at(path))).await;
    assert_eq!(start("dir/made").await.unwrap().stdout, format!("{}\n", place.temp.at("dir/made")));
    assert_eq!(start("").await.unwrap().stdout, format!("{}\n", place.temp.path().display()));
    for (path, kind) in [("dir/gone", ErrorKind::NotFound), ("dir/file", ErrorKind::NotADirectory)] {
        let error = start(path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains("working directory"), "{error}");
    }
}

#[tokio::test]
async fn sandboxes_of_one_overlay_share_its_layer_and_other_overlays_do_not() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a")]).await;
    place.sh("echo one > one").await;
    let again = place.overlay.clone().create(OpenRequest::new("other")).await.unwrap();
    assert_eq!(said(&again, "cat one").await, "one\n");
    place.sandbox.close().await.unwrap();
    assert_eq!(told(&place.diff().await), ["added one"], "what is closed is not forgotten");
    let other = overlay(&place.host("")).create(OpenRequest::new("test")).await.unwrap();
    assert_eq!(said(&other, "ls").await, "a\n");
}

#[tokio::test]
async fn what_was_written_goes_with_the_last_of_them() {
    if !crate::machine::overlays() {
        return;
    }
    let kept = Temp::new();
    let temp = Temp::new();
    let overlay = overlay(temp.path()).keep_in(kept.path());
    assert!(overlay.diff().await.unwrap().is_empty());
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    said(&sandbox, "mkdir -p a/b; echo x > a/b/c; chmod 0 a").await;
    let entries = || std::fs::read_dir(kept.path()).unwrap().count();
    assert_eq!(entries(), 1);
    drop(overlay);
    assert_eq!(said(&sandbox, "chmod 755 a; cat a/b/c; chmod 0 a").await, "x\n");
    drop(sandbox);
    assert_eq!(entries(), 0);
}

#[tokio::test]
async fn a_command_that_is_stopped_takes_its_processes_along() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[]).await;
    let time = crate::alone::long_sleep();
    let endless = format!("setsid sleep {time} & setsid env -i sleep {time} & (setsid sleep {time} &); sleep {time}");
    let request = ExecRequest::new(endless).with_timeout(std::time::Duration::from_millis(400));
    assert_eq!(place.sandbox.exec(request).await.unwrap().exit_code(), 124);
    crate::alone::eventually("the end of the processes", || crate::alone::running(&time) == 0).await;
}

#[tokio::test]
async fn files_of_others_are_told_of_where_they_cannot_be_changed() {
    if !crate::machine::overlays() {
        return;
    }
    use std::os::unix::fs::{MetadataExt, chown};
    let place = Place::new(&[("mine", "m\n"), ("theirs", "t\n")]).await;
    let told =
        |place: &Place| place.sandbox.info().notes.iter().any(|note| note.contains("belong to another user or group"));
    assert!(!told(&place));
    let group = super::GROUP.parse().ok();
    if rustix::process::geteuid().is_root() {
        // The administrator's layer takes them like any other.
        chown(place.host("theirs"), Some(1), group).unwrap();
        let place = Place::over(place.temp).await;
        assert_eq!(place.sh("echo more >> theirs; cat theirs; stat -c '%u %g' theirs").await, "t\nmore\n1 100\n");
        assert!(!told(&place));
        place.overlay.apply(&place.diff().await).await.unwrap();
        let facts = std::fs::metadata(place.host("theirs")).unwrap();
        assert_eq!((facts.uid(), facts.gid(), place.text("theirs").as_str()), (1, 100, "t\nmore\n"));
    } else if chown(place.host("theirs"), None, group).is_ok() {
        let place = Place::over(place.temp).await;
        assert!(told(&place));
        assert_eq!(
            place.sh("(echo more >> theirs) 2>&1 | grep -o 'Value too large'; cat theirs").await,
            "Value too large\nt\n"
        );
        assert!(place.diff().await.is_empty());
    }
}

#[tokio::test]
async fn odd_directories_are_taken_or_refused_for_a_reason() {
    if !crate::machine::overlays() {
        return;
    }
    for name in ["with space", "a,b=c", "colon:colon", "back\\slash", "quo\"te", "ünï", "-rf"] {
        let temp = Temp::new();
        temp.put(&format!("{name}/file"), "x");
        let sandbox = overlay(&temp.path().join(name)).create(OpenRequest::new("test")).await.unwrap();
        assert_eq!(said(&sandbox, "cat file; echo y > file; cat file").await, "xy\n", "{name}");
        assert_eq!(std::fs::read_to_string(temp.path().join(name).join("file")).unwrap(), "x");
    }
    let refused =
        async |overlay: flue_sandbox_local::Overlay| overlay.create(OpenRequest::new("test")).await.unwrap_err();
    let error = refused(overlay("/".as_ref())).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = refused(overlay("/dev".as_ref())).await;
    assert!(error.to_string().contains("is mounted inside"), "{error}");
    let temp = Temp::new();
    let error = refused(overlay(temp.path()).keep_in(temp.path())).await;
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("keep_in"), "{error}");
    for local in [Local::new(temp.path()).unjailed(), Local::new(temp.path()).jail("..")] {
        assert_eq!(refused(local.overlay()).await.kind(), ErrorKind::Config);
    }
    let error = refused(Local::new(temp.path()).overlay()).await;
    assert!(error.to_string().contains("call `flue_sandbox_local::init()` first"), "{error}");
    let error = refused(Local::new(temp.path()).overlay().helper("/bin/true")).await;
    assert!(error.to_string().contains("does not answer"), "{error}");
}

#[tokio::test]
async fn a_layer_that_cannot_be_entered_runs_nothing() {
    if !crate::machine::overlays() {
        return;
    }
    let temp = Temp::new();
    let helper = temp.path().join("helper");
    std::fs::copy(super::helper(), &helper).unwrap();
    std::fs::create_dir(temp.path().join("dir")).unwrap();
    let overlay = Local::new(temp.path().join("dir")).overlay().helper(&helper);
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    // Something else is in the helper's place by now, that just does what it is given.
    std::fs::remove_file(&helper).unwrap();
    std::fs::write(&helper, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _ = sh(&sandbox, "echo written > file").await;
    assert!(!temp.path().join("dir/file").exists());
    std::fs::remove_file(&helper).unwrap();
    assert!(sh(&sandbox, "echo written > file").await.is_err());
    assert!(!temp.path().join("dir/file").exists());
}
