//! Layers that are copies.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, OpenRequest, Sandbox};
use flue_core_testkit::sandbox::suite;
use flue_sandbox_local::{Confinement, Local};

use super::{Place, helper, told};
use crate::temp::{Temp, said};

const MUCH: u64 = 1 << 30;

/// A directory and a sandbox in a copy of it.
async fn copied(temp: Temp) -> Place {
    let overlay = Local::new(temp.path().join("dir")).overlay().copied(MUCH);
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    Place { temp, overlay, sandbox }
}

#[test]
fn the_conformance_suite_passes_in_a_copy() {
    let temp = Temp::new();
    suite(Local::new(temp.path()).overlay().copied(MUCH)).run_blocking().assert();
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0, "something was written to the host");
}

#[tokio::test]
async fn a_copy_is_like_what_it_is_a_copy_of_and_has_its_own_path() {
    let temp = Temp::new();
    temp.put("dir/sub/file", "text\n");
    temp.put("dir/tool", "#!/bin/sh\n");
    temp.put("dir/closed/file", "x");
    let old = SystemTime::now() - Duration::from_secs(100_000);
    let host = |path: &str| temp.path().join("dir").join(path);
    std::fs::File::options().write(true).open(host("sub/file")).unwrap().set_modified(old).unwrap();
    std::fs::set_permissions(host("tool"), std::fs::Permissions::from_mode(0o751)).unwrap();
    std::fs::set_permissions(host("closed"), std::fs::Permissions::from_mode(0o555)).unwrap();
    symlink("sub/file", host("link")).unwrap();
    std::fs::hard_link(host("tool"), host("twin")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(host("pipe")).status().unwrap().success());

    let place = copied(temp).await;
    let seen = place.sandbox.info().cwd.to_string();
    assert!(seen.ends_with("/dir") && seen != place.host("").display().to_string(), "{seen}");
    assert!(place.sandbox.info().notes.iter().any(|note| note.contains("is a copy of the user's directory")));
    let copy = std::path::Path::new(&seen);
    let modified = |path: &std::path::Path| std::fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(modified(&copy.join("sub/file")), modified(&place.host("sub/file")));
    assert_eq!(std::fs::metadata(copy.join("tool")).unwrap().mode() & 0o7777, 0o751);
    assert_eq!(std::fs::metadata(copy.join("tool")).unwrap().nlink(), 1);
    assert_eq!(std::fs::metadata(copy.join("closed")).unwrap().mode() & 0o7777, 0o555);
    assert_eq!(std::fs::read_link(copy.join("link")).unwrap(), std::path::Path::new("sub/file"));
    assert_eq!(place.sh("pwd; cat link; ls").await, format!("{seen}\ntext\nclosed\nlink\nsub\ntool\ntwin\n"));
    assert!(place.diff().await.is_empty());

    drop(place.sandbox);
    drop(place.overlay);
    assert!(!copy.exists());
    std::fs::set_permissions(place.temp.path().join("dir/closed"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn changes_of_a_copy_are_told_and_applied() {
    let temp = Temp::new();
    for (path, text) in [("a", "a\n"), ("gone", "g\n"), ("dir/x", "x\n"), ("old", "the same\n"), ("touched", "t\n")] {
        temp.put(&format!("dir/{path}"), text);
    }
    let place = copied(temp).await;
    place.sh("echo more >> a; rm gone; rm -r dir; echo d > dir; mv old new; touch touched; chmod +x touched; mkdir empty").await;
    let changes = place.diff().await;
    assert_eq!(
        told(&changes),
        [
            "modified a",
            "added dir",
            "deleted dir/x",
            "added empty",
            "deleted gone",
            "renamed old new",
            "mode touched 644 755"
        ]
    );
    assert_eq!(place.text("a"), "a\n");
    place.overlay.apply(&changes).await.unwrap();
    assert_eq!(
        (place.text("a"), place.text("dir"), place.text("new")),
        ("a\nmore\n".into(), "d\n".into(), "the same\n".into())
    );
    assert!(place.diff().await.is_empty());
    place.sh("echo once more >> a").await;
    std::fs::write(place.host("a"), "theirs\n").unwrap();
    let changes = place.diff().await;
    assert!(changes.files()[0].conflict);
    assert_eq!(place.overlay.apply(&changes).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_copied() {
    let (temp, kept) = (Temp::new(), Temp::new());
    temp.put("dir/a", "x".repeat(600));
    temp.put("dir/b", "x".repeat(600));
    let overlay = Local::new(temp.path().join("dir")).overlay().copied(1000).keep_in(kept.path());
    let error = overlay.create(OpenRequest::new("test")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!((error.fact("bytes"), error.fact("limit")), (Some("1200"), Some("1000")));
    assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn confined_to_a_copy_commands_cannot_change_the_directory() {
    if !crate::machine::confines() {
        return;
    }
    let temp = Temp::new();
    temp.put("dir/a", "a\n");
    let dir = temp.path().join("dir");
    let overlay = Local::new(&dir).confined(Confinement::new().helper(helper())).overlay().copied(MUCH);
    let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
    said(&sandbox, &format!("echo more >> a; echo no > {0}/a; echo no > {0}/b; cat a", dir.display())).await;
    assert_eq!(std::fs::read_to_string(dir.join("a")).unwrap(), "a\n");
    assert!(!dir.join("b").exists());
    assert_eq!(told(&overlay.diff().await.unwrap()), ["modified a"]);
}
