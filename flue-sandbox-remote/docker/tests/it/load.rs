//! Much at a time: parallel commands, large files, odd names and bytes.

use std::time::Instant;

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_testkit::checks::{load, odd};

use crate::engine::{BUSY, Engine};

pub(crate) async fn twelve_commands_run_at_a_time(engine: &'static Engine) {
    let sandbox = engine.remote("load").create(OpenRequest::new("parallel")).await.unwrap();
    load::twelve_commands(&*sandbox).await;
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_hundred_megabytes_go_both_ways(engine: &'static Engine) {
    let _busy = BUSY.lock().await;
    let sandbox = engine.remote("load").create(OpenRequest::new("large")).await.unwrap();
    println!("{}: 100 MiB {}", engine.kind.name(), load::a_large_file(&*sandbox).await);
    // Beside the engine's own client.
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        sandbox.exec(ExecRequest::new("true")).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort();
    let started = Instant::now();
    for _ in 0..5 {
        engine.client(&["exec", sandbox.machine(), "true"]);
    }
    println!(
        "{}: exec p50 {:?}, worst of 20 {:?}; docker exec {:?}",
        engine.kind.name(),
        times[10],
        times[19],
        started.elapsed() / 5
    );
    sandbox.close().await.unwrap();
}

pub(crate) async fn ten_thousand_small_files(engine: &'static Engine) {
    let _busy = BUSY.lock().await;
    let sandbox = engine.remote("load").create(OpenRequest::new("many")).await.unwrap();
    println!("{}: 10,000 files {}", engine.kind.name(), load::many_files(&*sandbox).await);
    sandbox.close().await.unwrap();
}

pub(crate) async fn odd_names_and_bytes_stay_what_they_are(engine: &'static Engine) {
    let sandbox = engine.remote("load").create(OpenRequest::new("odd")).await.unwrap();
    odd::names(&*sandbox).await;
    odd::bytes(&*sandbox).await;
    sandbox.close().await.unwrap();
}
