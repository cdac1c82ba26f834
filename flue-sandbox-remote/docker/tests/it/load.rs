//! Much at a time: parallel commands, large files, odd names and bytes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{ExecRequest, OpenRequest, Sandbox};
use futures_util::future::try_join_all;

use crate::engine::{BUSY, engine};

const LARGE_BYTES: usize = 100 << 20;
/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn twelve_commands_run_at_a_time() {
    let Some(engine) = engine("parallel") else { return };
    let sandbox = engine.remote("load").create(OpenRequest::new("parallel")).await.unwrap();
    let one = |index: usize| sandbox.exec(ExecRequest::new(format!("sleep 0.2; echo {index}; echo err {index} >&2")));
    let outputs = try_join_all((0..12).map(one)).await.unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout_text(), format!("{index}\n"));
        assert_eq!(output.stderr_text(), format!("err {index}\n"));
    }
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_both_ways() {
    let Some(engine) = engine("large") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = engine.remote("load").create(OpenRequest::new("large")).await.unwrap();
    let file = sandbox.info().cwd.join("large").unwrap();
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let data = Bytes::from((0..LARGE_BYTES).map(|_| next()).collect::<Vec<u8>>());
    let started = Instant::now();
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    let wrote = started.elapsed();
    let started = Instant::now();
    assert!(sandbox.fs().read(&file).await.unwrap() == data);
    let rate = |took: Duration| (LARGE_BYTES >> 20) as f64 / took.as_secs_f64();
    println!("100 MiB: write {:.0} MiB/s, read {:.0} MiB/s", rate(wrote), rate(started.elapsed()));
    assert!(wrote < BOUND && started.elapsed() < BOUND);
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
    println!("exec: p50 {:?}, worst of 20 {:?}; docker exec {:?}", times[10], times[19], started.elapsed() / 5);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_bytes_stay_what_they_are() {
    let Some(engine) = engine("odd names") else { return };
    let sandbox = engine.remote("load").create(OpenRequest::new("odd")).await.unwrap();
    let data = Bytes::from_static(b"\0\xff\xfe caf\xe9\r\n\n\0");
    for name in ["# ? %41", "a\nb", "🦀 é", "-rf", "$(id)'\"", " "] {
        let file = sandbox.info().cwd.join(name).unwrap();
        sandbox.fs().write(&file, data.clone()).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data, "{name:?}");
        let output = sandbox.exec(ExecRequest::new("cat").with_stdin(data.clone())).await.unwrap();
        assert_eq!(output.stdout, data);
        assert!(sandbox.fs().list(&sandbox.info().cwd).await.unwrap().iter().any(|entry| entry.name == name));
    }
    sandbox.close().await.unwrap();
}
