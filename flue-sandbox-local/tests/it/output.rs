//! What is kept of output, and who holds whom up with it.

use std::time::{Duration, Instant};

use flue_sandbox_local::Local;

use crate::alone::{eventually, long_sleep, running};
use crate::temp::{Temp, open, said, sh};

#[tokio::test]
async fn beyond_the_limit_both_ends_are_kept_and_the_rest_is_counted() {
    let temp = Temp::new();
    let sandbox = open(&Local::new(temp.path()).output_bytes(1000)).await;
    let output = sh(&sandbox, "for i in $(seq 10000); do echo line $i; done; printf x >&2").await.unwrap();
    let text = output.stdout_text();
    assert!(text.starts_with("line 1\nline 2\n") && text.ends_with("line 9999\nline 10000\n"), "{text}");
    assert_eq!((output.stdout.len(), output.stdout.len() as u64 + output.stdout_dropped), (1000, 98_894));
    assert_eq!((&*output.stderr, output.stderr_dropped), (&b"x"[..], 0));
}

#[tokio::test]
async fn a_flood_is_drained_and_does_not_pile_up() {
    let temp = Temp::new();
    let sandbox = open(&Local::new(temp.path()).output_bytes(64 << 10)).await;
    let output = sh(&sandbox, "head -c 200000000 /dev/zero").await.unwrap();
    assert!(output.success());
    assert_eq!(output.stdout.len() as u64 + output.stdout_dropped, 200_000_000);
}

#[tokio::test]
async fn a_child_in_the_background_holds_nobody_and_lives_on() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let time = long_sleep();
    let begun = Instant::now();
    assert_eq!(said(&sandbox, &format!("sleep {time} & echo $! > id; echo hi")).await, "hi\n");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(running(&time), 1);
    said(&sandbox, "kill $(cat id)").await;
}

#[tokio::test]
async fn a_chatty_child_in_the_background_does_not_hold_the_call_for_ever() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let begun = Instant::now();
    let output = said(&sandbox, "(while [ ! -e stop ]; do echo x; sleep 0.02; done) & echo hi").await;
    assert!(output.starts_with("hi\n") || output.starts_with("x\n"), "{output}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    temp.put("stop", "");
}

#[tokio::test]
async fn what_writes_in_the_background_neither_blocks_nor_breaks() {
    let temp = Temp::new();
    let sandbox = temp.open().await;
    let writer =
        "(for i in $(seq 40); do head -c 100000 /dev/zero || exit; sleep 0.03; done; echo $? > done) & echo hi";
    assert!(said(&sandbox, writer).await.contains("hi\n"));
    assert!(!temp.path().join("done").exists(), "it was over before the call was");
    eventually("the end of the writer", || std::fs::read(temp.path().join("done")).is_ok_and(|said| said == b"0\n"))
        .await;
}
