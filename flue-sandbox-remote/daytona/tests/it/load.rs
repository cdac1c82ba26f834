//! Much at a time, and odd names and bytes.

use std::time::Instant;

use bytes::Bytes;
use flue_core::{ExecRequest, Sandbox};
use flue_sandbox_remote_testkit::checks::{load, odd};

use crate::server::{BUSY, Server};

/// How much input a command is given, in bytes.
const INPUT: usize = 100 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn twelve_commands_run_at_a_time() {
    let server = Server::start().await;
    load::twelve_commands(&*server.open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_both_ways_and_into_a_command() {
    let _busy = BUSY.lock().await;
    let server = Server::start().await;
    let sandbox = server.open().await;
    println!("100 MiB: {}", load::a_large_file(&*sandbox).await);
    let data = Bytes::from(b"0123456789abcdef".repeat(INPUT / 16));
    let file = sandbox.info().cwd.join("input").unwrap();
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    let started = Instant::now();
    let command = ExecRequest::new("cmp - input && echo same").with_stdin(data);
    assert_eq!(sandbox.exec(command).await.unwrap().stdout_text(), "same\n");
    println!("100 MiB as input: {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_small_files_are_written_listed_and_found() {
    let _busy = BUSY.lock().await;
    let server = Server::start().await;
    println!("10,000 files: {}", load::many_files(&*server.open().await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_bytes_stay_what_they_are() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    odd::names(&*sandbox).await;
    odd::bytes(&*sandbox).await;
}
