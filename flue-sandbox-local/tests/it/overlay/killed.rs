//! Programs that are killed while they apply changes, by strace, at every call that changes a file.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, OpenRequest};
use flue_sandbox_local::{Local, Overlay};

use crate::machine::traces;
use crate::temp::{Temp, said};

/// Calls by which files are changed, made, moved or removed, and directories given other permissions.
const CALLS: [&str; 8] = ["renameat", "renameat2", "rename", "mkdirat", "unlinkat", "unlink", "fchmod", "symlinkat"];
/// Where the program that is killed works.
const DIR: &str = "FLUE_TEST_KILLED";
/// More calls of one kind than there are.
const MANY: usize = 100;
const PREFIX: &str = ".flue-apply-";
/// Files by which the two wait for each other.
const READY: &str = "ready";
const GO: &str = "go";

/// A copy, so that opening takes no helper: how it is applied is the same.
fn overlay(temp: &Path) -> Overlay {
    Local::new(temp.join("dir")).overlay().copied(1 << 20).keep_in(temp.join("state"))
}

fn runtime() -> tokio::runtime::Runtime {
    // Everything on one thread that blocks, so that its calls are counted in one row.
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build().unwrap()
}

fn before() -> Temp {
    let temp = Temp::new();
    for (path, text) in [
        ("a", "a\n"),
        ("gone", "g\n"),
        ("sub/b", "b\n"),
        ("file", "f\n"),
        ("deep/er/x", "x\n"),
        ("kept/k", "k\n"),
        ("run", "r\n"),
    ] {
        temp.put(&format!("dir/{path}"), text);
    }
    std::fs::create_dir(temp.path().join("state")).unwrap();
    temp
}

const CHANGE: &str = "echo more >> a; rm gone; rm -r sub; echo s > sub; rm file; mkdir -p file/in; echo i > file/in/i; \
     echo y >> deep/er/x; rm -r kept; mkdir made; chmod 750 deep; chmod 755 run; ln -s nowhere link; echo z > z";

/// What is in a directory: kinds, permissions and contents.
fn contents(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let what = if facts.is_symlink() {
                format!("link to {}", std::fs::read_link(&path).unwrap().display())
            } else if facts.is_dir() {
                left.push(path.clone());
                format!("directory {:o}", facts.permissions().mode())
            } else {
                format!("{:o} {}", facts.permissions().mode(), std::fs::read_to_string(&path).unwrap())
            };
            found.insert(path.strip_prefix(dir).unwrap().to_owned(), what);
        }
    }
    found
}

/// Starts a program, and kills it at a call of this kind, if a thread of it makes so many once it is ready. Gives how it ended.
fn killed_at(temp: &Temp, program: &str, kind: &str, number: usize) -> ExitStatus {
    let [ready, go] = [READY, GO].map(|name| temp.path().join(name));
    let _ = (std::fs::remove_file(&ready), std::fs::remove_file(&go));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", program, "--nocapture"]).env(DIR, temp.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_until("a program that is ready", || ready.exists());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", &format!("trace={kind}")]);
    strace.args(["-e", &format!("inject={kind}:signal=SIGKILL:when={number}"), "-p", &child.id().to_string()]);
    let mut strace = strace.spawn().unwrap();
    let tasks = PathBuf::from(format!("/proc/{}/task", child.id()));
    wait_until("a program that is watched", || {
        let mut tasks = std::fs::read_dir(&tasks).unwrap();
        tasks.all(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default();
            !status.lines().any(|line| line.starts_with("TracerPid:") && line.ends_with("\t0"))
        })
    });
    std::fs::write(&go, "").unwrap();
    let status = child.wait().unwrap();
    strace.wait().unwrap();
    status
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says that this program is ready, and waits until it is watched.
fn ready(dir: &Path) {
    std::fs::write(dir.join(READY), "").unwrap();
    wait_until("somebody who watches", || dir.join(GO).exists());
}

/// Not a test by itself: what is killed.
#[test]
fn that_applies() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    runtime().block_on(async {
        let overlay = overlay(&dir);
        let sandbox = overlay.create(OpenRequest::new("test")).await.unwrap();
        said(&sandbox, CHANGE).await;
        let changes = overlay.diff().await.unwrap();
        ready(&dir);
        overlay.apply(&changes).await.unwrap();
    });
}

/// Not a test by itself: what is killed.
#[test]
fn that_opens() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    runtime().block_on(async {
        ready(&dir);
        drop(overlay(&dir).create(OpenRequest::new("test")).await.unwrap());
    });
}

/// Kills the program that applies at each call of each kind, and shows what it left.
fn at_each_call(mut show: impl FnMut(&str, &Temp)) {
    for kind in CALLS {
        let mut done = false;
        for number in 1..MANY {
            let temp = before();
            let status = killed_at(&temp, "overlay::killed::that_applies", kind, number);
            done = status.success();
            if done {
                break;
            }
            assert_eq!(status.signal(), Some(9), "{kind} {number}: {status}");
            show(&format!("{kind} {number}"), &temp);
        }
        assert!(done, "there are more than {MANY} calls of {kind}");
    }
}

/// Opens an overlay over what is there, and gives the contents of the directory after that.
fn opened(temp: &Temp) -> BTreeMap<PathBuf, String> {
    runtime().block_on(async {
        let overlay = overlay(temp.path());
        overlay.create(OpenRequest::new("test")).await.unwrap();
        assert!(overlay.diff().await.unwrap().is_empty());
    });
    contents(&temp.path().join("dir"))
}

#[test]
fn at_every_step_the_next_overlay_finds_the_old_files_or_finishes() {
    if !traces() {
        return;
    }
    let old = contents(&before().path().join("dir"));
    let new = {
        let temp = before();
        assert!(killed_at(&temp, "overlay::killed::that_applies", CALLS[0], MANY).success());
        contents(&temp.path().join("dir"))
    };
    assert!(old != new && new.contains_key(Path::new("file/in/i")), "{new:?}");
    let mut mixed = 0;
    let mut seen = [0, 0];
    at_each_call(|call, temp| {
        let dir = temp.path().join("dir");
        let mut left = contents(&dir);
        left.retain(|path, _| !path.to_string_lossy().starts_with(PREFIX));
        let is_mixed = left != old && left != new;
        // A file is the old or the new one, also in the middle.
        for (path, what) in &left {
            let is_whole = [&old, &new].iter().any(|side| side.get(path) == Some(what));
            assert!(is_whole || what.starts_with("directory"), "{call}: {path:?} {what}");
        }
        // Whoever goes on is killed as well, here and there.
        if is_mixed {
            mixed += 1;
            killed_at(temp, "overlay::killed::that_opens", CALLS[mixed % CALLS.len()], 1 + mixed % 3);
        }
        let after = opened(temp);
        let which = [&old, &new].iter().position(|side| **side == after);
        seen[which.unwrap_or_else(|| panic!("{call}: neither the old files nor the new ones: {after:#?}"))] += 1;
        assert!(!is_mixed || after == new, "{call}: what had begun was not finished");
    });
    assert!(mixed > 5 && seen.iter().all(|count| *count > 2), "{mixed} in the middle, {seen:?}");
}

#[test]
fn what_cannot_be_finished_any_more_is_put_back_and_told() {
    if !traces() {
        return;
    }
    let mut told = 0;
    let mut old = contents(&before().path().join("dir"));
    old.insert("run".into(), format!("{:o} theirs\n", 0o100_644));
    at_each_call(|call, temp| {
        let dir = temp.path().join("dir");
        // Begun, and not yet at this file.
        let begun = std::fs::read_dir(&dir).unwrap().flatten().any(|entry| entry.path().join("begun").exists());
        if !begun || std::fs::metadata(dir.join("run")).unwrap().mode() & 0o777 != 0o644 {
            return;
        }
        std::fs::write(dir.join("run"), "theirs\n").unwrap();
        let error = runtime().block_on(overlay(temp.path()).create(OpenRequest::new("test"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{call}: {error}");
        assert!(error.fact("path") == Some("run") && error.fact("applied_by").is_some(), "{call}: {error}");
        assert_eq!(contents(&dir), old, "{call}");
        assert_eq!(opened(temp), old, "{call}");
        told += 1;
    });
    assert!(told > 3, "{told}");
}

#[test]
fn a_plan_that_a_command_put_in_the_directory_is_not_followed() {
    let temp = before();
    let fake = temp.path().join("dir").join(format!("{PREFIX}0123456789abcdef"));
    std::fs::create_dir_all(&fake).unwrap();
    std::fs::write(fake.join("begun"), "").unwrap();
    std::fs::write(fake.join("plan"), "{}").unwrap();
    let before = contents(&temp.path().join("dir"));
    assert_eq!(opened(&temp), before, "somebody else's, it stays");
}
