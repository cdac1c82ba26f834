//! Credentials that end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Lease, RENEW_BEFORE, Renewed};

fn lease(number: usize, lasts: Duration) -> Lease<usize> {
    Lease::new(number, Some(SystemTime::now() + lasts))
}

/// Credentials with the number of the renewal that made them.
#[derive(Default)]
struct Source {
    renewals: AtomicUsize,
    under_way: AtomicUsize,
}

impl Source {
    async fn renew(&self, lasts: Duration) -> Result<Lease<usize>> {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "two renew at once");
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(lease(self.renewals.fetch_add(1, Ordering::SeqCst) + 1, lasts))
    }
}

const LONG: Duration = RENEW_BEFORE.saturating_add(Duration::from_secs(60));
const SHORT: Duration = RENEW_BEFORE.saturating_sub(Duration::from_secs(60));

#[tokio::test]
async fn many_ask_and_one_renews() {
    let (held, source) = (Renewed::new(), Source::default());
    let ask = || held.get(source.renew(LONG));
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (1, 1, 1));
    assert_eq!(held.get(source.renew(LONG)).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_about_to_end_is_renewed_and_what_never_ends_is_not() {
    let (held, source) = (Renewed::new(), Source::default());
    for number in 1..4 {
        assert_eq!(held.get(source.renew(SHORT)).await.unwrap(), number);
    }
    let ever = Renewed::new();
    for _ in 0..2 {
        assert_eq!(ever.get(async { Ok(Lease::new("first", None)) }).await.unwrap(), "first");
    }
}

#[tokio::test]
async fn a_failure_counts_once_nothing_is_left() {
    let fail = || async { Err(Error::new(ErrorKind::Unavailable, "renew", "nobody is there")) };
    let held = Renewed::new();
    assert!(held.get(fail()).await.is_err());
    let source = Source::default();
    assert_eq!(held.get(source.renew(SHORT)).await.unwrap(), 1);
    assert_eq!(held.get(fail()).await.unwrap(), 1, "it has not ended");
    // Not everybody who asks waits for another failure.
    assert_eq!(held.get(std::future::pending()).await.unwrap(), 1);
    let ended = Renewed::new();
    assert_eq!(ended.get(source.renew(Duration::ZERO)).await.unwrap(), 2);
    assert!(ended.get(fail()).await.is_err());
}

#[tokio::test]
async fn a_renewal_that_is_dropped_leaves_it_to_the_next() {
    let (held, source) = (Renewed::new(), Source::default());
    let stuck = held.get(std::future::pending());
    assert!(tokio::time::timeout(Duration::from_millis(5), stuck).await.is_err());
    assert_eq!(held.get(source.renew(LONG)).await.unwrap(), 1);
}
