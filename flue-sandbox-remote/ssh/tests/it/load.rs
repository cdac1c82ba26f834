//! Much at a time: parallel commands, large files, many files.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::search::GlobQuery;
use flue_core::{ExecRequest, OpenRequest, Sandbox};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::server::{BUSY, server};

const LARGE_BYTES: usize = 100 << 20;
const MANY: usize = 10_000;
/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn twelve_commands_run_although_a_connection_has_ten_channels() {
    let Some(server) = server("parallel") else { return };
    let sandbox = server.remote("parallel").create(OpenRequest::new("parallel")).await.unwrap();
    let one = |index: usize| sandbox.exec(ExecRequest::new(format!("sleep 0.2; echo {index}")));
    let outputs = try_join_all((0..12).map(one)).await.unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout_text(), format!("{index}\n"));
        assert!(output.stderr.is_empty(), "{}", output.stderr_text());
    }
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_both_ways() {
    let Some(server) = server("large") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = server.remote("large").create(OpenRequest::new("large")).await.unwrap();
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
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_small_files() {
    let Some(server) = server("many") else { return };
    let _busy = BUSY.lock().await;
    let sandbox = server.remote("many").create(OpenRequest::new("many")).await.unwrap();
    let dir = sandbox.info().cwd.join("many").unwrap();
    let started = Instant::now();
    let one = |index: usize| {
        let (sandbox, file) = (&sandbox, dir.join(format!("{index:05}")).unwrap());
        async move { sandbox.fs().write(&file, index.to_string().into()).await }
    };
    stream::iter(0..MANY).map(one).buffer_unordered(16).try_collect::<()>().await.unwrap();
    let wrote = started.elapsed();
    let started = Instant::now();
    assert_eq!(sandbox.fs().list(&dir).await.unwrap().len(), MANY);
    let hits = sandbox.glob(GlobQuery::new("*9", dir, 5)).await.unwrap();
    assert_eq!((hits.total, hits.paths.len()), (MANY as u64 / 10, 5));
    println!("10,000 files: written in {wrote:?}, listed twice in {:?}", started.elapsed());
    assert!(wrote < BOUND && started.elapsed() < BOUND);
    sandbox.close().await.unwrap();
}
