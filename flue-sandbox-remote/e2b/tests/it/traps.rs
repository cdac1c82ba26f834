//! What catches adapters out at this provider, a test each.

use std::time::Duration;

use flue_core::{CreateDir, ErrorKind, ExecEnd, ExecRequest, Remove, Sandbox};

use crate::server::Server;

/// `Remove` is always recursive and content with nothing.
#[tokio::test(flavor = "multi_thread")]
async fn removing_is_as_careful_as_it_was_asked_to_be() {
    let server = Server::start().await;
    let sandbox = server.open("remove").await;
    let (fs, dir) = (sandbox.fs(), sandbox.info().cwd.join("dir").unwrap());
    fs.write(&dir.join("file").unwrap(), "x".into()).await.unwrap();
    assert_eq!(fs.remove(&dir, Remove::default()).await.unwrap_err().kind(), ErrorKind::DirectoryNotEmpty);
    let missing = sandbox.info().cwd.join("missing").unwrap();
    assert_eq!(fs.remove(&missing, Remove::recursive()).await.unwrap_err().kind(), ErrorKind::NotFound);
    fs.remove(&missing, Remove::default().forced()).await.unwrap();
    fs.remove(&dir, Remove::recursive()).await.unwrap();
    sandbox.close().await.unwrap();
}

/// `MakeDir` always makes parents, and calls a directory that is there an error.
#[tokio::test(flavor = "multi_thread")]
async fn making_a_directory_is_as_careful_as_it_was_asked_to_be() {
    let server = Server::start().await;
    let sandbox = server.open("mkdir").await;
    let (fs, deep) = (sandbox.fs(), sandbox.info().cwd.join("a/b").unwrap());
    assert_eq!(fs.create_dir(&deep, CreateDir::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
    fs.create_dir(&deep, CreateDir::recursive()).await.unwrap();
    fs.create_dir(&deep, CreateDir::recursive()).await.unwrap();
    assert_eq!(fs.create_dir(&deep, CreateDir::default()).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    sandbox.close().await.unwrap();
}

/// Uploading makes the directories above a file, and a file that is missing is an error, never empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_no_empty_one() {
    let server = Server::start().await;
    let sandbox = server.open("missing").await;
    let (fs, file) = (sandbox.fs(), sandbox.info().cwd.join("empty").unwrap());
    assert_eq!(fs.read(&file).await.unwrap_err().kind(), ErrorKind::NotFound);
    fs.write(&file, "".into()).await.unwrap();
    assert_eq!(fs.read(&file).await.unwrap(), "");
    assert_eq!(fs.read(&sandbox.info().cwd).await.unwrap_err().kind(), ErrorKind::IsADirectory);
    sandbox.close().await.unwrap();
}

/// A process that a signal ended has the status -1 there; nothing that ran is taken for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_no_exit_code() {
    let server = Server::start().await;
    let sandbox = server.open("signal").await;
    let output = sandbox.exec(ExecRequest::new("kill -KILL $$")).await.unwrap();
    assert_ne!(output.exit_code(), 0, "{output:?}");
    assert!(matches!(output.end, ExecEnd::Signalled(9) | ExecEnd::Exited(137)), "{output:?}");
    sandbox.close().await.unwrap();
}

/// The provider's time limit ends the first process only; grandchildren hold the stream open.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_ends_grandchildren_too() {
    let server = Server::start().await;
    let sandbox = server.open("limit").await;
    let tag = format!("301.{}", std::process::id());
    let request = ExecRequest::new(format!("(setsid sleep {tag} &) ; echo up; sleep {tag}"));
    let output = sandbox.exec(request.with_timeout(Duration::from_secs(2))).await.unwrap();
    assert_eq!((output.end, output.stdout_text().as_ref()), (ExecEnd::TimedOut, "up\n"));
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    let left = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    assert_eq!(
        left.filter(|line| line.starts_with(b"sleep\0") && line.ends_with(format!("{tag}\0").as_bytes())).count(),
        0
    );
    sandbox.close().await.unwrap();
}

/// Input is closed by a call of its own; without it a command that reads to the end waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn input_ends() {
    let server = Server::start().await;
    let sandbox = server.open("input").await;
    let large = vec![b'x'; 3 << 20];
    let output = sandbox.exec(ExecRequest::new("wc -c").with_stdin(large)).await.unwrap();
    assert_eq!(output.stdout_text().trim(), "3145728");
    let output = sandbox.exec(ExecRequest::new("cat; echo none")).await.unwrap();
    assert_eq!(output.stdout_text(), "none\n");
    let output = sandbox.exec(ExecRequest::new("head -c 1").with_stdin(vec![b'y'; 3 << 20])).await.unwrap();
    assert_eq!(output.stdout_text(), "y", "a command that does not read to the end is no error");
    sandbox.close().await.unwrap();
}
