//! Bringing changes to the host.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use flue_core::ErrorKind;

use super::{Place, told};

#[tokio::test]
async fn everything_arrives_and_is_a_change_no_more() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[
        ("a", "a\n"),
        ("gone", "g\n"),
        ("dir/x", "x\n"),
        ("file", "f\n"),
        ("sub/keep", "k\n"),
        ("run", "r\n"),
    ])
    .await;
    std::fs::set_permissions(place.host("a"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let place = Place::over(place.temp).await;
    place
        .sh("echo more >> a; rm gone; rm -r dir; echo d > dir; rm file; mkdir -p file/deep; echo in > file/deep/in; \
             ln -s nowhere link; chmod 755 run; mkdir empty; chmod 750 sub; mkfifo pipe; printf '\\0\\1' > new.bin; mv run moved")
        .await;
    let changes = place.diff().await;
    place.overlay.apply(&changes).await.unwrap();
    assert_eq!((place.text("a"), place.text("gone"), place.text("dir"), place.text("file/deep/in")), {
        ("a\nmore\n".into(), "-".into(), "d\n".into(), "in\n".into())
    });
    let mode = |path: &str| std::fs::metadata(place.host(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("a"), mode("moved"), mode("sub"), mode("empty")), (0o640, 0o755, 0o750, 0o755));
    assert_eq!(std::fs::read_link(place.host("link")).unwrap(), std::path::Path::new("nowhere"));
    assert_eq!(std::fs::read(place.host("new.bin")).unwrap(), [0, 1]);
    let mut names: Vec<_> =
        std::fs::read_dir(place.host("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "dir", "empty", "file", "link", "moved", "new.bin", "sub"], "nothing else is left there");

    assert_eq!(told(&place.diff().await), ["added pipe"]);
    place.overlay.apply(&changes).await.unwrap();
    // The layer goes on over what it was applied to.
    place.sh("echo again >> a").await;
    place.overlay.apply(&place.diff().await).await.unwrap();
    assert_eq!(place.text("a"), "a\nmore\nagain\n");
    std::fs::write(place.host("a"), "theirs\n").unwrap();
    place.sh("echo once more >> a").await;
    let error = place.overlay.apply(&place.diff().await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_stops_everything() {
    if !crate::machine::overlays() {
        return;
    }
    type Meddle = fn(&Place);
    let meddle: [(&str, Meddle); 6] = [
        ("written in place", |place| std::fs::write(place.host("a"), "A\n").unwrap()),
        ("replaced", |place| {
            std::fs::write(place.host("other"), "a\n").unwrap();
            std::fs::rename(place.host("other"), place.host("a")).unwrap();
        }),
        ("deleted", |place| std::fs::remove_file(place.host("a")).unwrap()),
        ("made", |place| std::fs::write(place.host("new"), "theirs\n").unwrap()),
        ("permissions", |place| {
            std::fs::set_permissions(place.host("gone"), std::fs::Permissions::from_mode(0o600)).unwrap();
        }),
        ("a directory became a link", |place| {
            std::fs::rename(place.host("sub"), place.host("sub2")).unwrap();
            symlink("sub2", place.host("sub")).unwrap();
        }),
    ];
    for (what, meddle) in meddle {
        let place = Place::new(&[("a", "a\n"), ("gone", "g\n"), ("z", "z\n"), ("sub/b", "b\n")]).await;
        place.sh("echo more >> a; rm gone; echo new > new; echo more >> z; echo more >> sub/b").await;
        meddle(&place);
        let state = || {
            std::process::Command::new("ls").args(["-lR", "--full-time"]).arg(place.host("")).output().unwrap().stdout
        };
        let before = state();
        let changes = place.diff().await;
        assert!(changes.files().iter().any(|change| change.conflict), "{what}: {changes:?}");
        let error = place.overlay.apply(&changes).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{what}: {error:?}");
        assert!(error.fact("path").is_some() && error.to_string().contains("nothing was applied"), "{what}: {error}");
        assert!(state() == before, "{what}: something was done");
    }
}

#[tokio::test]
async fn other_changes_of_the_host_are_no_conflict() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a\n"), ("other", "o\n"), ("dir/x", "x\n")]).await;
    place.sh("echo more >> a; echo new > new; rm -r dir").await;
    std::fs::write(place.host("other"), "theirs\n").unwrap();
    std::fs::write(place.host("dir/theirs"), "theirs\n").unwrap();
    // Somebody did the same.
    std::fs::write(place.host("new"), "new\n").unwrap();
    let changes = place.diff().await;
    place.overlay.apply(&changes).await.unwrap();
    assert_eq!((place.text("a").as_str(), place.text("other").as_str()), ("a\nmore\n", "theirs\n"));
    assert_eq!((place.text("dir/x").as_str(), place.text("dir/theirs").as_str()), ("-", "theirs\n"));
}

#[tokio::test]
async fn what_was_not_compared_is_not_applied() {
    if !crate::machine::overlays() {
        return;
    }
    let place = Place::new(&[("a", "a\n")]).await;
    place.sh("echo reviewed > a").await;
    let changes = place.diff().await;
    place.sh("echo slipped in > a").await;
    let error = place.overlay.apply(&changes).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("compare again"), "{error}");
    assert_eq!(place.text("a"), "a\n");
}

#[tokio::test]
async fn a_failure_half_way_leaves_everything_as_it_was() {
    if !crate::machine::overlays() {
        return;
    }
    let files = [("a", "a\n"), ("gone", "g\n"), ("sub/b", "b\n"), ("zz/z", "z\n")];
    let place = Place::new(&files).await;
    place.sh("echo more >> a; rm gone; mkdir made; echo m > made/m; echo more >> zz/z; rm sub/b; rmdir sub; echo s > sub").await;
    let changes = place.diff().await;
    // A directory in which nothing can be replaced, which does not show in what is compared: for the administrator it takes
    // an attribute.
    let zz = place.host("zz");
    let immutable = |on: &str| std::process::Command::new("chattr").arg(on).arg(&zz).output();
    let set_mode = |mode| std::fs::set_permissions(&zz, std::fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o555);
    let _ = immutable("+i");
    let inodes = || files.map(|(path, _)| std::fs::metadata(place.host(path)).unwrap().ino());
    let before = inodes();
    let error = place.overlay.apply(&changes).await.unwrap_err();
    let _ = immutable("-i");
    set_mode(0o755);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert_eq!(error.fact("path"), Some("zz/z"), "{error:?}");
    assert_eq!(inodes(), before, "the files are the same ones");
    assert_eq!(files.map(|(path, _)| place.text(path)), files.map(|(_, text)| text.to_owned()));
    assert!(!place.host("made").exists());
    assert_eq!(std::fs::read_dir(place.host("")).unwrap().count(), 4, "nothing is left behind");

    place.overlay.apply(&changes).await.unwrap();
    assert_eq!((place.text("sub").as_str(), place.text("made/m").as_str()), ("s\n", "m\n"), "then it works");
}

#[tokio::test]
async fn readers_see_the_old_file_or_the_new_one() {
    if !crate::machine::overlays() {
        return;
    }
    let (old, new) = ("old\n".repeat(100_000), "new\n".repeat(100_000));
    let place = Place::new(&[("file", &old)]).await;
    place.sandbox_write("file", &new).await;
    let changes = place.diff().await;
    let path = place.host("file");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = {
        let (path, stop) = (path.clone(), stop.clone());
        std::thread::spawn(move || {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let seen = std::fs::read_to_string(&path).unwrap();
                assert!(seen == old || seen == new, "a mixture of {} bytes", seen.len());
            }
        })
    };
    place.overlay.apply(&changes).await.unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.join().unwrap();
    assert_eq!(place.text("file"), new_text());
}

fn new_text() -> String {
    "new\n".repeat(100_000)
}

impl Place {
    async fn sandbox_write(&self, path: &str, text: &str) {
        use flue_core::Sandbox;
        let path = self.temp.at(&format!("dir/{path}"));
        self.sandbox.fs().write(&path, text.to_owned().into()).await.unwrap();
    }
}
