//! Much at a time.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flue_core::search::GlobQuery;
use flue_core::{ExecRequest, Sandbox};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// How many commands run at a time.
const COMMANDS: usize = 12;
/// A file that no buffer holds by accident, in bytes.
const LARGE_BYTES: usize = 100 << 20;
/// How many small files.
const MANY: usize = 10_000;
/// How many of them are written at a time.
const IN_FLIGHT: usize = 16;
/// Far above what anything here takes, and far below for ever.
const BOUND: Duration = Duration::from_secs(300);

/// How long something took each way.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Times {
    /// Onto the machine.
    pub there: Duration,
    /// And back.
    pub back: Duration,
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "written in {:.2?}, read in {:.2?}", self.there, self.back)
    }
}

/// Twelve commands run at a time, whatever a transport takes, and each gets its own output.
pub async fn twelve_commands(sandbox: &dyn Sandbox) {
    let one = |index: usize| sandbox.exec(ExecRequest::new(format!("sleep 0.2; echo {index}; echo err {index} >&2")));
    let outputs = try_join_all((0..COMMANDS).map(one)).await.unwrap();
    for (index, output) in outputs.iter().enumerate() {
        assert_eq!(output.stdout_text(), format!("{index}\n"));
        assert_eq!(output.stderr_text(), format!("err {index}\n"));
    }
}

/// 100 MiB of noise come back as they went.
pub async fn a_large_file(sandbox: &dyn Sandbox) -> Times {
    let file = sandbox.info().cwd.join("large").unwrap();
    let data = noise();
    let started = Instant::now();
    sandbox.fs().write(&file, data.clone()).await.unwrap();
    let there = started.elapsed();
    let started = Instant::now();
    let came = sandbox.fs().read(&file).await.unwrap();
    let back = started.elapsed();
    assert!(came == data, "{} bytes came back changed, as {}", data.len(), came.len());
    assert!(there < BOUND && back < BOUND, "{there:?} {back:?}");
    Times { there, back }
}

/// 10,000 files are written, listed and found.
pub async fn many_files(sandbox: &dyn Sandbox) -> Times {
    let dir = sandbox.info().cwd.join("many").unwrap();
    let one = |index: usize| {
        let file = dir.join(format!("{index:05}")).unwrap();
        async move { sandbox.fs().write(&file, index.to_string().into()).await }
    };
    let started = Instant::now();
    stream::iter(0..MANY).map(one).buffer_unordered(IN_FLIGHT).try_collect::<()>().await.unwrap();
    let there = started.elapsed();
    let started = Instant::now();
    assert_eq!(sandbox.fs().list(&dir).await.unwrap().len(), MANY);
    let hits = sandbox.glob(GlobQuery::new("*9", dir.clone(), 5)).await.unwrap();
    assert_eq!((hits.total, hits.paths.len(), hits.incomplete), (MANY as u64 / 10, 5, false));
    let back = started.elapsed();
    assert!(there < BOUND && back < BOUND, "{there:?} {back:?}");
    Times { there, back }
}

/// Bytes without a pattern: a linear congruential generator (Knuth, MMIX).
fn noise() -> Bytes {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..LARGE_BYTES).map(|_| next()).collect::<Vec<u8>>().into()
}
