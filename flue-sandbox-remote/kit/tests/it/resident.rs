//! The shell that serves file operations, where a script can be fed.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox, SandboxPath};
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};
use futures_util::FutureExt as _;

use crate::shell::{Faults, Kind, Shells};

/// What a busy machine takes at most.
const LIMIT: Duration = Duration::from_secs(30);

async fn open() -> (Arc<RemoteSandbox>, SandboxPath, Arc<Faults>, Shells) {
    let shells = Shells::new(Kind::Fed);
    let faults = Arc::clone(&shells.faults);
    let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("resident")).await.unwrap();
    let file = sandbox.info().cwd.join("file").unwrap();
    faults.sent.store(0, Ordering::SeqCst);
    (sandbox, file, faults, shells)
}

fn lives(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shell_serves_all_file_operations_and_its_loss_is_none_of_theirs() {
    let (sandbox, file, faults, _shells) = open().await;
    let fs = sandbox.fs();
    // Whatever a script leaves unread of its input is not the next one's.
    fs.create_dir(&sandbox.info().cwd.join("dir").unwrap(), flue_core::CreateDir::default()).await.unwrap();
    let refused = fs.write(&sandbox.info().cwd.join("dir").unwrap(), vec![b'\n'; 300_000].into()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IsADirectory, "{refused:?}");
    for index in 0..20 {
        fs.write(&file, format!("{index}\n9 9\nexit\0").into()).await.unwrap();
        assert_eq!(fs.read(&file).await.unwrap(), format!("{index}\n9 9\nexit\0"));
    }
    assert_eq!(faults.sent.load(Ordering::SeqCst), 0, "the shell is there since the sandbox was opened");
    let shell = || faults.process.load(Ordering::SeqCst);
    fs.write(&file, vec![7; 3 << 20].into()).await.unwrap();
    assert_eq!(faults.sent.load(Ordering::SeqCst), 1, "what is large goes by itself");
    // Somebody kills it: while nobody uses it, and so that nobody knows yet.
    for wait in [Duration::from_millis(500), Duration::ZERO] {
        fs.metadata(&file).await.unwrap();
        assert!(Command::new("kill").args(["-KILL", &shell().to_string()]).status().unwrap().success());
        tokio::time::sleep(wait).await;
        assert_eq!(fs.read(&file).await.unwrap().len(), 3 << 20);
    }
    // A call that is dropped in the middle takes it along, and no other call hears what is left.
    let mut large = Box::pin(fs.read(&file));
    assert!((&mut large).now_or_never().is_none());
    drop(large);
    fs.write(&file, "after".into()).await.unwrap();
    assert_eq!(fs.read(&file).await.unwrap(), "after");
    // Commands do not share it, and a workspace that is another one is seen by it.
    assert_eq!(sandbox.exec(ExecRequest::new("cat file")).await.unwrap().stdout_text(), "after");
    std::fs::write(sandbox.info().cwd.join(".flue-generation").unwrap().as_str(), "another\n").unwrap();
    let lost = fs.read(&file).await.unwrap_err();
    assert_eq!((lost.kind(), lost.fact("reason")), (ErrorKind::SandboxDied, Some("state_lost")), "{lost:?}");
    let last = shell();
    assert!(lives(last));
    sandbox.close().await.unwrap();
    let started = Instant::now();
    while lives(last) {
        assert!(started.elapsed() < LIMIT, "a shell outlives its sandbox");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
