//! Opening: what can be wrong, what is there from the start, and where processes come from.

use std::time::Duration;

use flue_core::{ErrorKind, OpenRequest, Sandbox};
use flue_sandbox_virtual::Virtual;
use flue_sandbox_virtual_worker::Contained;

use crate::support::{PROGRAM, contained, open, sh};

async fn refused(factory: &Contained) -> flue_core::Error {
    factory.create(OpenRequest::new("test")).await.map(|sandbox| sandbox.pid()).unwrap_err()
}

#[tokio::test]
async fn a_program_that_is_not_prepared_says_so() {
    // The `main` of these tests is the harness's.
    let error = refused(&Contained::new(Virtual::new())).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("init()") && error.to_string().contains("Contained::program"), "{error}");
    let error = refused(&Contained::new(Virtual::new()).program("/bin/true")).await;
    assert_eq!((error.kind(), error.fact("status")), (ErrorKind::Config, Some("exit status: 0")), "{error}");
    let error = refused(&Contained::new(Virtual::new()).program("/nowhere/worker")).await;
    assert_eq!((error.kind(), error.fact("program")), (ErrorKind::Io, Some("/nowhere/worker")), "{error}");
    let error = refused(&Contained::new(Virtual::new()).program("worker")).await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused() {
    let error = refused(&contained(Virtual::new()).memory_bytes(1 << 20)).await;
    assert_eq!((error.kind(), error.fact("bytes")), (ErrorKind::Config, Some("1048576")), "{error}");
    let error = refused(&contained(Virtual::new().user("two words"))).await;
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let error = refused(&contained(Virtual::new().mount("m", vfs::MemoryFS::new()))).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("Virtual::dir"), "{error}");
}

#[tokio::test]
async fn what_was_described_is_there() {
    let described = Virtual::new()
        .cwd("/base")
        .user("tenant")
        .hostname("cell")
        .env("GREETING", "hello world")
        .file("a/b.txt", "seeded\n")
        .dir_at(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"), "tests");
    let factory = contained(described);
    let sandbox = factory.create(OpenRequest::new("test").with_cwd("sub")).await.unwrap();
    assert_eq!(sandbox.info().cwd.as_str(), "/base/sub");
    let script = "pwd; whoami; hostname; echo $GREETING; echo $HOME; cat ../a/b.txt; ls ../tests";
    let expected = "/base/sub\ntenant\ncell\nhello world\n/home/tenant\nseeded\nit\n";
    assert_eq!(sh(&sandbox, script).await, expected);
    assert!(sandbox.info().notes.iter().any(|note| note.contains("1024 MiB of memory")), "{:?}", sandbox.info().notes);
}

#[tokio::test]
async fn there_are_never_too_many() {
    let factory = contained(Virtual::new()).sandboxes(2);
    let (first, second) = (open(&factory).await, open(&factory).await);
    let error = refused(&factory).await;
    assert_eq!((error.kind(), error.fact("limit")), (ErrorKind::LimitExceeded, Some("2")), "{error}");
    first.close().await.unwrap();
    let third = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match factory.create(OpenRequest::new("test")).await {
                Ok(third) => return third,
                Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}"),
            }
        }
    });
    assert_eq!(sh(&third.await.unwrap(), "echo third").await, "third\n");
    assert_eq!(sh(&second, "echo second").await, "second\n");
}

#[tokio::test]
async fn many_open_at_once() {
    let factory = contained(Virtual::new()).warm(2);
    let opens = futures_util::future::join_all((0..12).map(|_| open(&factory)));
    for (index, sandbox) in opens.await.into_iter().enumerate() {
        assert_eq!(sh(&sandbox, &format!("echo {index} > own; ls | wc -l; cat own")).await, format!("1\n{index}\n"));
    }
}

#[test]
fn a_runtime_that_ends_takes_no_sandbox_with_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let factory = contained(Virtual::new());
    let sandbox = runtime().block_on(open(&factory));
    // Neither of the two has a driver for sockets or time.
    assert_eq!(runtime().block_on(sh(&sandbox, "echo on")), "on\n");
    runtime().block_on(sandbox.close()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_changes_nothing() {
    let sandbox = open(&contained(Virtual::new())).await;
    assert_eq!(sh(&sandbox, "sleep 0.2; echo slept").await, "slept\n");
    sandbox.close().await.unwrap();
}

#[test]
fn started_by_hand_it_only_fails() {
    let status = std::process::Command::new(PROGRAM).stdin(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
