//! Much at a time: parallel commands, large files, many files, odd names and bytes.

use std::time::{Duration, Instant};

use flue_core::{OpenRequest, Sandbox};
use flue_sandbox_remote_testkit::checks::{load, odd};

use crate::server::{BUSY, server};

#[tokio::test(flavor = "multi_thread")]
async fn twelve_commands_run_although_a_connection_has_ten_channels() {
    let Some(server) = server("parallel") else { return };
    let sandbox = server.remote("parallel").create(OpenRequest::new("parallel")).await.unwrap();
    load::twelve_commands(&*sandbox).await;
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_call_does_not_wait_for_the_acknowledgement_of_the_one_before() {
    let Some(server) = server("small") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = server.remote("small").create(OpenRequest::new("small")).await.unwrap();
    // The best of many says what none can go below: Linux holds an acknowledgement back for 40 ms.
    let mut best = Duration::MAX;
    for _ in 0..40 {
        let started = Instant::now();
        sandbox.fs().metadata(&sandbox.info().cwd).await.unwrap();
        best = best.min(started.elapsed());
    }
    assert!(best < Duration::from_millis(35), "{best:?}");
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_both_ways() {
    let Some(server) = server("large") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = server.remote("large").create(OpenRequest::new("large")).await.unwrap();
    println!("100 MiB: {}", load::a_large_file(&*sandbox).await);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_small_files() {
    let Some(server) = server("many") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = server.remote("many").create(OpenRequest::new("many")).await.unwrap();
    println!("10,000 files: {}", load::many_files(&*sandbox).await);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_bytes_stay_what_they_are() {
    let Some(server) = server("odd") else { return };
    let sandbox = server.remote("odd").create(OpenRequest::new("odd")).await.unwrap();
    odd::names(&*sandbox).await;
    odd::bytes(&*sandbox).await;
    sandbox.close().await.unwrap();
}
