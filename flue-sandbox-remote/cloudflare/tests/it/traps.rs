//! What catches adapters out at the bridge, a test each.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{ErrorKind, ExecEnd, ExecRequest, Sandbox};
use flue_sandbox_remote_kit::Provider;
use tokio_util::sync::CancellationToken;

use crate::bridge::bridge;

/// A GET of a missing file is a success there, and empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_no_empty_one() {
    let Some(bridge) = bridge("traps::a_missing_file_is_no_empty_one").await else { return };
    let sandbox = bridge.open("missing").await;
    let file = sandbox.info().cwd.join("file").unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(sandbox.fs().read(&sandbox.info().cwd).await.unwrap_err().kind(), ErrorKind::IsADirectory);
    sandbox.fs().write(&file, "".into()).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), "");
    sandbox.close().await.unwrap();
}

/// Names with `#`, `?`, `%` are stored percent-encoded there, and bytes that are no UTF-8 are replaced.
#[tokio::test(flavor = "multi_thread")]
async fn names_and_bytes_stay_what_they_are() {
    let Some(bridge) = bridge("traps::names_and_bytes_stay_what_they_are").await else { return };
    let sandbox = bridge.open("names").await;
    let data = Bytes::from_static(b"caf\xe9 \xff\xfe\r\n\xf0\x9f\xa6");
    for name in ["h#x?%41", "plus+;&", "a\nb", "🦀 é", "-rf", "$(id)'\""] {
        let file = sandbox.info().cwd.join(name).unwrap();
        sandbox.fs().write(&file, data.clone()).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data, "{name:?}");
        assert!(sandbox.fs().list(&sandbox.info().cwd).await.unwrap().iter().any(|entry| entry.name == name));
    }
    let output = sandbox.exec(ExecRequest::new("printf '\\377\\376\\000'; printf '\\200' >&2")).await.unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b"\xff\xfe\0"[..], &b"\x80"[..]));
    sandbox.close().await.unwrap();
}

/// What goes by the bridge's own interface: only writing, only plain names, in pieces of what its own transport takes.
#[tokio::test(flavor = "multi_thread")]
async fn large_files_stay_what_they_are_wherever_they_lie() {
    // More than two pieces; and more than a script carries.
    const PIECES: usize = 9 << 20;
    const SCRIPTS: usize = 200 << 10;
    let Some(bridge) = bridge("traps::large_files_stay_what_they_are_wherever_they_lie").await else { return };
    let sandbox = bridge.open("large").await;
    let root = sandbox.info().cwd.clone();
    // The bridge's interface ends at the workspace.
    let outside = std::env::temp_dir().join(format!("flue-outside-{}", std::process::id()));
    std::fs::create_dir(&outside).unwrap();
    for (name, bytes) in [
        ("plain/large.txt", PIECES),
        ("h#x?%41/large", SCRIPTS),
        ("plain/h%23x", SCRIPTS),
        ("a b/é", SCRIPTS),
        (outside.join("file").to_str().unwrap(), SCRIPTS),
    ] {
        // No NUL, which would have it taken for binary; no UTF-8.
        let data = Bytes::from(b"caf\xe9 \xff\n".repeat(bytes / 7));
        let file = root.join(name).unwrap();
        sandbox.fs().write(&file, data.clone()).await.unwrap();
        assert!(sandbox.fs().read(&file).await.unwrap() == data, "{name:?} has other bytes");
        let names = sandbox.fs().list(&file.parent().unwrap()).await.unwrap();
        assert!(names.iter().all(|entry| !entry.name.starts_with(".flue")), "pieces stayed: {names:?}");
    }
    std::fs::remove_dir_all(outside).unwrap();
    sandbox.close().await.unwrap();
}

/// There is no environment and no input at the bridge, and a directory outside of the workspace is refused.
#[tokio::test(flavor = "multi_thread")]
async fn environment_input_and_directory_are_given_all_the_same() {
    let Some(bridge) = bridge("traps::environment_input_and_directory_are_given_all_the_same").await else { return };
    let sandbox = bridge.open("given").await;
    let mut request = ExecRequest::new("printf '%s|' \"$WORD\" \"$PWD\"; cat").with_stdin(b"in\0put".to_vec());
    request.env.insert("WORD".into(), "a 'b'\n$c".into());
    request.cwd = Some(flue_core::SandboxPath::new("/").unwrap());
    let output = sandbox.exec(request).await.unwrap();
    assert_eq!(output.stdout, &b"a 'b'\n$c|/|in\0put"[..]);
    sandbox.close().await.unwrap();
}

/// A bare `exit` ends the shell of a session there; a shell that is ended from outside is no success.
#[tokio::test(flavor = "multi_thread")]
async fn an_exit_is_the_commands_own_and_a_death_no_success() {
    let Some(bridge) = bridge("traps::an_exit_is_the_commands_own_and_a_death_no_success").await else { return };
    let sandbox = bridge.open("exit").await;
    let output = sandbox.exec(ExecRequest::new("echo said; exit 3")).await.unwrap();
    assert_eq!((output.exit_code(), output.stdout_text().as_ref()), (3, "said\n"));
    let output = sandbox.exec(ExecRequest::new("kill -TERM $$")).await.unwrap();
    assert_ne!(output.exit_code(), 0, "{output:?}");
    let error = sandbox.exec(ExecRequest::new("kill -KILL $PPID; sleep 1")).await;
    assert!(error.as_ref().map_or(true, |output| output.exit_code() != 0), "{error:?}");
    sandbox.close().await.unwrap();
}

/// A client that goes away stops nothing there, and a session that is deleted is reported as success.
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_what_left_its_session_too() {
    let Some(bridge) = bridge("traps::cancelling_ends_what_left_its_session_too").await else { return };
    let sandbox = bridge.open("cancel").await;
    let tag = format!("302.{}", std::process::id());
    let cancel = CancellationToken::new();
    let command = format!("(setsid sleep {tag} &); nohup sleep {tag} >/dev/null 2>&1 & sleep {tag}");
    let run = sandbox.exec(ExecRequest::new(command).with_cancel(cancel.clone()));
    let stop = async {
        let started = Instant::now();
        while alive(&tag) < 3 {
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(run, stop);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.fact("processes")), (ErrorKind::Cancelled, None), "confirmed: {error:?}");
    assert_eq!(alive(&tag), 0);
    let output = sandbox.exec(ExecRequest::new("sleep 300").with_timeout(Duration::from_secs(1))).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut);
    sandbox.close().await.unwrap();
}

/// The processes of this machine that sleep so long.
fn alive(tag: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| *line == format!("sleep\0{tag}\0").as_bytes()).count()
}

/// An id that was never used just works there; deleting one that is gone is fine.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_nobody_made_is_not_found() {
    let Some(bridge) = bridge("traps::a_container_that_nobody_made_is_not_found").await else { return };
    let error = bridge.containers().attach("aaaa").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert_eq!(bridge.0.running(), 0, "what was made by asking is gone");
    bridge.containers().delete("aaaa").await.unwrap();
}

/// A container is told from a fresh one by its labels, which commands can remove.
#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_files_is_never_deleted_by_attaching() {
    let Some(bridge) = bridge("traps::a_container_with_files_is_never_deleted_by_attaching").await else { return };
    let sandbox = bridge.open("wiped").await;
    sandbox.exec(ExecRequest::new("rm .flue-labels; echo work >kept")).await.unwrap();
    let error = bridge.containers().attach(sandbox.machine()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    let output = sandbox.exec(ExecRequest::new("cat kept")).await.unwrap();
    assert_eq!(output.stdout_text(), "work\n");
    sandbox.close().await.unwrap();
}
