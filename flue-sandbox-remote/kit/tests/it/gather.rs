//! Small files that are written at a time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use flue_core::{CreateDir, ErrorKind, FileSystem, OpenRequest, Result, Sandbox, SandboxPath};
use flue_sandbox_remote_kit::Remote;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::shell::{Kind, Shells};

const FILES: usize = 300;

async fn write(fs: &dyn FileSystem, root: &SandboxPath, index: usize, content: String) -> Result<()> {
    fs.write(&root.join(index.to_string())?, content.into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_go_by_few_scripts_and_each_hears_of_its_own() {
    for kind in [Kind::Exact, Kind::Fed, Kind::Text] {
        let shells = Shells::new(kind);
        let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("gather")).await.unwrap();
        let (fs, root) = (sandbox.fs(), sandbox.info().cwd.clone());
        fs.create_dir(&root.join("7").unwrap(), CreateDir::default()).await.unwrap();
        shells.faults.sent.store(0, Ordering::SeqCst);
        // Of every length, some with nothing in them, and some that look like what goes between them.
        let content = |index: usize| "whole\n\0'é".repeat(index % 5);
        let results = join_all((0..FILES).map(|index| write(fs, &root, index, content(index)))).await;
        let sent = shells.faults.sent.load(Ordering::SeqCst);
        assert!(sent <= 6, "{kind:?}: {FILES} files took {sent} scripts");
        for (index, result) in results.into_iter().enumerate() {
            if index == 7 {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error:?}");
                assert!(error.fact("path").is_some_and(|path| path.ends_with("/7")), "{error:?}");
                continue;
            }
            result.unwrap();
            let file = root.join(index.to_string()).unwrap();
            assert_eq!(std::fs::read_to_string(file.as_str()).unwrap(), content(index), "{kind:?}: {index}");
        }
        let names = std::fs::read_dir(root.as_str()).unwrap().flatten().map(|entry| entry.file_name());
        let left = names.filter(|name| name.to_string_lossy().starts_with(".flue-")).collect::<Vec<_>>();
        assert_eq!(left, [".flue-generation"], "{kind:?}: nothing else is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_all_is_told_to_all_and_what_was_dropped_before_is_not_made() {
    let shells = Shells::new(Kind::Exact);
    let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("gather")).await.unwrap();
    let (fs, root) = (sandbox.fs(), sandbox.info().cwd.clone());
    shells.faults.swallow.store(true, Ordering::SeqCst);
    let results = join_all((0..20).map(|index| write(fs, &root, index, "x".into()))).await;
    for (index, result) in results.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Protocol, "write"), "{error:?}");
        assert!(error.fact("path").is_some_and(|path| path.ends_with(&format!("/{index}"))), "{error:?}");
    }
    shells.faults.swallow.store(false, Ordering::SeqCst);
    let mut first = Box::pin(write(fs, &root, 1, "first".into()));
    let mut dropped = Box::pin(write(fs, &root, 2, "dropped".into()));
    // The first has one under way, so that the second waits.
    assert!((&mut first).now_or_never().is_none() && (&mut dropped).now_or_never().is_none());
    drop(dropped);
    first.await.unwrap();
    write(fs, &root, 3, "last".into()).await.unwrap();
    assert!(std::fs::exists(root.join("3").unwrap().as_str()).unwrap());
    assert!(!std::fs::exists(root.join("2").unwrap().as_str()).unwrap(), "it was dropped before it began");
}

/// A write that is stuck, on a file system that does not answer, say, and that nobody waits for any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_given_up_keeps_no_others() {
    /// Longer than giving up takes.
    const SOON: Duration = Duration::from_secs(20);
    let shells = Shells::new(Kind::Exact);
    let sandbox = Remote::new(shells.clone()).create(OpenRequest::new("gather")).await.unwrap();
    let (fs, root) = (sandbox.fs(), sandbox.info().cwd.clone());
    shells.faults.hang.store(true, Ordering::SeqCst);
    let stuck = timeout(Duration::from_millis(300), write(fs, &root, 1, "stuck".into())).await;
    assert!(stuck.is_err(), "{stuck:?}");
    shells.faults.hang.store(false, Ordering::SeqCst);
    timeout(SOON, write(fs, &root, 2, "next".into())).await.expect("it does not wait for the first").unwrap();
    assert_eq!(std::fs::read_to_string(root.join("2").unwrap().as_str()).unwrap(), "next");
}
