//! Files: large ones, many, and all of them at once.

use std::sync::Arc;

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualLimits};

use crate::support::{contained, fresh, open, sh};

#[tokio::test]
async fn snapshots_go_from_sandbox_to_sandbox() {
    let first = fresh().await;
    sh(&first, "mkdir -p d/e; echo one > d/e/f; ln -s d/e l; chmod 640 d/e/f; touch -d @1 d").await;
    let snapshot = first.snapshot().await.unwrap();
    sh(&first, "rm -r d l; echo two > g").await;

    let second = fresh().await;
    second.restore(&snapshot).await.unwrap();
    let look = "cat l/f; stat -c '%a %Y' d/e/f d | head -n 1 | cut -d' ' -f1; stat -c %Y d; ls";
    let expected = "one\n640\n1\nd\nl\n";
    assert_eq!(sh(&second, look).await, expected);

    // Into one in this process, and back.
    let plain = Virtual::new().create(OpenRequest::new("plain")).await.unwrap();
    plain.restore(&snapshot).unwrap();
    let output = plain.exec(ExecRequest::new(look)).await.unwrap();
    assert_eq!(output.stdout_text(), expected);
    first.restore(&plain.snapshot().unwrap()).await.unwrap();
    assert_eq!(sh(&first, look).await, expected);
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_changes_nothing() {
    let large = fresh().await;
    sh(&large, "seq 100000 > f").await;
    let small = open(&contained(Virtual::new().limits(VirtualLimits::default().with_total_bytes(1000)))).await;
    sh(&small, "echo mine > f").await;
    let snapshot = large.snapshot().await.unwrap();
    let error = small.restore(&snapshot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert_eq!(sh(&small, "cat f").await, "mine\n");
}

#[tokio::test]
async fn large_files_arrive_whole() {
    let sandbox = fresh().await;
    let path = sandbox.info().cwd.join("large").unwrap();
    let noise: Vec<u8> = (0..5_000_003_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    sandbox.fs().write(&path, noise.clone().into()).await.unwrap();
    assert_eq!(sh(&sandbox, "wc -c < large").await, "5000003\n");
    assert!(sandbox.fs().read(&path).await.unwrap() == noise);
    let output = sandbox.exec(ExecRequest::new("cat; wc -c < large >&2").with_stdin(noise[..3_000_000].to_vec())).await;
    let output = output.unwrap();
    assert!(output.stdout == noise[..3_000_000] && output.stderr == "5000003\n");
}

#[tokio::test]
async fn what_is_too_large_is_not_even_sent() {
    let sandbox = fresh().await;
    let path = sandbox.info().cwd.join("large").unwrap();
    let beyond = usize::try_from(VirtualLimits::FILE_BYTES).unwrap() + 1;
    let error = sandbox.fs().write(&path, vec![0; beyond].into()).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("path")), (ErrorKind::LimitExceeded, Some("/workspace/large")), "{error}");
    let limits = VirtualLimits::default().with_total_bytes(1 << 20).with_file_bytes(1 << 20).with_entries(100);
    let sandbox = open(&contained(Virtual::new().limits(limits))).await;
    let error = sandbox.exec(ExecRequest::new("wc -c").with_stdin(vec![0; 8 << 20])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert_eq!(sh(&sandbox, "ls | wc -l").await, "0\n");
}

#[tokio::test]
async fn many_entries_are_listed() {
    let sandbox = fresh().await;
    sh(&sandbox, "mkdir many; cd many; for i in {1..5000}; do : > a-name-of-some-length-$i; done").await;
    let entries = sandbox.fs().list(&sandbox.info().cwd.join("many").unwrap()).await.unwrap();
    assert_eq!(entries.len(), 5000);
    assert!(entries.windows(2).all(|pair| pair[0].name < pair[1].name));
}

#[tokio::test]
async fn what_a_command_touched_is_told_as_in_process() {
    let request = || {
        let mut request = ExecRequest::new("wc -l < ../a.txt > /tmp/n; ls /tmp; nowhere");
        request.reach = Some(Arc::default());
        request
    };
    let described = || Virtual::new().cwd("/base/sub").file("/base/a.txt", "1\n");
    let mut told = Vec::new();
    let sandboxes: [Arc<dyn Sandbox>; 2] =
        [described().create(OpenRequest::new("test")).await.unwrap(), open(&contained(described())).await];
    for sandbox in sandboxes {
        let request = request();
        let log = request.reach.clone().unwrap();
        sandbox.exec(request).await.unwrap();
        told.push(log.take());
    }
    assert_eq!(told[0], told[1]);
    assert!(told[1].programs.contains("wc") && told[1].missing.contains("nowhere") && told[1].unknown.is_empty());
    assert!(told[1].reads.contains("/base/a.txt") && told[1].writes.contains("/tmp/n"), "{:?}", told[1]);
}
