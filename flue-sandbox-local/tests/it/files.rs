//! What the file API leaves as it was, and what it does not touch.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::time::Duration;

use flue_core::search::GrepQuery;
use flue_core::{ErrorKind, FileKind, Sandbox, SandboxPath};
use flue_sandbox_local::Local;
use tokio::time::timeout;

use crate::temp::{Temp, open, said};

/// Long enough for any call that does not wait for somebody.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_write_keeps_mode_and_owner() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    temp.put("file", "old");
    let file = temp.path().join("file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4750)).unwrap();
    // Only root can give files away.
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(&file, Some(1234), Some(2345)).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4750)).unwrap();
    }
    let before = std::fs::metadata(&file).unwrap();
    sandbox.fs().write(&temp.at("file"), "new".into()).await.unwrap();
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(after.mode() & 0o7777, 0o750, "set-user-id is not kept");
    assert_ne!(after.ino(), before.ino(), "it was written in place");

    sandbox.fs().write(&temp.at("new"), "new".into()).await.unwrap();
    let umask = said(&sandbox, "touch like; stat -c %a like new").await;
    let modes: Vec<&str> = umask.split_whitespace().collect();
    assert_eq!(modes[0], modes[1], "a new file is as open as any other");
}

#[tokio::test]
async fn a_write_leaves_the_other_name_of_a_hard_link() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    temp.put("one", "old");
    std::fs::hard_link(temp.path().join("one"), temp.path().join("two")).unwrap();
    sandbox.fs().write(&temp.at("one"), "new".into()).await.unwrap();
    assert_eq!(std::fs::read(temp.path().join("two")).unwrap(), b"old");
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing_beside() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    std::fs::create_dir_all(temp.path().join("dir")).unwrap();
    said(&sandbox, "mkfifo dir/pipe; mkdir dir/sub").await;
    for name in ["pipe", "sub", &"x".repeat(300)] {
        sandbox.fs().write(&temp.at("dir").join(name).unwrap(), "x".into()).await.unwrap_err();
    }
    assert_eq!(said(&sandbox, "ls -A dir").await, "pipe\nsub\n");
}

#[tokio::test]
async fn pipes_and_devices_are_refused_and_not_waited_for() {
    let temp = Temp::new();
    let sandbox = open(&Local::new(temp.path()).unjailed()).await;
    said(&sandbox, "mkfifo pipe; ln -s pipe link; ln -s /dev/zero zero; echo needle > text").await;
    let fs = sandbox.fs();
    let device = SandboxPath::new("/dev/tty").unwrap();
    for path in [temp.at("pipe"), temp.at("link"), temp.at("zero"), device] {
        let read = timeout(SOON, fs.read(&path)).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
        let written = timeout(SOON, fs.write(&path, "x".into())).await.unwrap();
        assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
        assert_eq!(fs.metadata(&path).await.unwrap().kind, FileKind::Other, "{path}");
        let grep = timeout(SOON, sandbox.grep(GrepQuery::new("x", path.clone(), 1))).await.unwrap();
        assert_eq!(grep.unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
    }
    let hits = timeout(SOON, sandbox.grep(GrepQuery::new("needle", temp.at(""), 9))).await.unwrap().unwrap();
    assert_eq!((hits.total, hits.skipped), (1, 0));
}

#[tokio::test]
async fn a_file_of_any_size_is_not_read_whole() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    std::fs::File::create(temp.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
    let error = sandbox.fs().read(&temp.at("huge")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().contains("shell command"), "{error}");
    let hits = sandbox.grep(GrepQuery::new("x", temp.at(""), 1)).await.unwrap();
    assert_eq!((hits.total, hits.skipped), (0, 1));
}

#[tokio::test]
async fn a_file_without_a_size_is_read() {
    let temp = Temp::new();
    let sandbox = open(&Local::new(temp.path()).unjailed()).await;
    let status = sandbox.fs().read(&SandboxPath::new("/proc/self/status").unwrap()).await.unwrap();
    assert!(status.starts_with(b"Name:"));
}

#[tokio::test]
async fn a_name_that_is_not_unicode_is_listed_and_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let temp = Temp::new();
    let sandbox = temp.open().await;
    std::fs::write(temp.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "needle").unwrap();
    temp.put("plain", "needle");
    let names: Vec<String> = sandbox.fs().list(&temp.at("")).await.unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["caf\u{fffd}", "plain"]);
    let hits = sandbox.grep(GrepQuery::new("needle", temp.at(""), 9)).await.unwrap();
    assert_eq!((hits.total, hits.incomplete), (1, true));
}
