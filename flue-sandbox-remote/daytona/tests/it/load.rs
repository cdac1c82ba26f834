//! Much at a time: parallel commands, large files, many small ones, odd names and bytes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::{ExecRequest, Sandbox};
use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};

use crate::server::Server;

const LARGE_BYTES: usize = 100 << 20;
const MANY_FILES: usize = 2_000;
/// Far above what it takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn twelve_commands_run_at_a_time() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let one = |index: usize| sandbox.exec(ExecRequest::new(format!("sleep 0.2; echo {index}; echo err {index} >&2")));
    let outputs = try_join_all((0..12).map(one)).await.unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout_text(), format!("{index}\n"));
        assert_eq!(output.stderr_text(), format!("err {index}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_go_both_ways() {
    let server = Server::start().await;
    let sandbox = server.open().await;
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
    let read = started.elapsed();
    let started = Instant::now();
    let command = ExecRequest::new("cmp - large && echo same").with_stdin(data);
    assert_eq!(sandbox.exec(command).await.unwrap().stdout_text(), "same\n");
    let fed = started.elapsed();
    let rate = |took: Duration| (LARGE_BYTES >> 20) as f64 / took.as_secs_f64();
    println!("100 MiB: write {:.0} MiB/s, read {:.0} MiB/s, input {:.0} MiB/s", rate(wrote), rate(read), rate(fed));
    assert!(wrote < BOUND && read < BOUND && fed < BOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_small_files_go_both_ways() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let file = |index: usize| sandbox.info().cwd.join(format!("{}/{index}", index % 100)).unwrap();
    let started = Instant::now();
    let writes = stream::iter(0..MANY_FILES).map(|index| {
        let (sandbox, file) = (&sandbox, file(index));
        async move { sandbox.fs().write(&file, Bytes::from(format!("content {index}"))).await }
    });
    writes.buffer_unordered(16).try_for_each(|()| std::future::ready(Ok(()))).await.unwrap();
    let wrote = started.elapsed();
    let count = sandbox.exec(ExecRequest::new("find . -mindepth 2 -type f | wc -l")).await.unwrap();
    assert_eq!(count.stdout_text().trim(), MANY_FILES.to_string());
    let started = Instant::now();
    let reads = stream::iter(0..MANY_FILES).map(|index| {
        let (sandbox, file) = (&sandbox, file(index));
        async move { sandbox.fs().read(&file).await.map(|data| (index, data)) }
    });
    let wrong =
        reads.buffer_unordered(16).try_filter(|(index, data)| std::future::ready(*data != format!("content {index}")));
    assert_eq!(wrong.try_collect::<Vec<_>>().await.unwrap(), []);
    println!("{MANY_FILES} files: write {wrote:?}, read {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_bytes_stay_what_they_are() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    let data = Bytes::from_static(b"\0\xff\xfe caf\xe9\r\n\n\0");
    for name in ["# ? %41", "a\nb", "🦀 é", "-rf", "$(id)'\"", " ", "\\", "a;b&c+d"] {
        let file = sandbox.info().cwd.join(name).unwrap();
        sandbox.fs().write(&file, data.clone()).await.unwrap();
        assert_eq!(sandbox.fs().read(&file).await.unwrap(), data, "{name:?}");
        let output = sandbox.exec(ExecRequest::new("cat").with_stdin(data.clone())).await.unwrap();
        assert_eq!(output.stdout, data);
        assert!(sandbox.fs().list(&sandbox.info().cwd).await.unwrap().iter().any(|entry| entry.name == name));
    }
}
