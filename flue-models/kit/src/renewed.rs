//! Credentials that end, and are renewed before they do.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use flue_core::Result;
use tokio::sync::Mutex;

/// How long before their end credentials are renewed: a request that is under way, and clocks that differ, take less.
pub const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Something that is good until then.
#[derive(Debug, Clone)]
pub struct Lease<T> {
    value: T,
    until: Option<SystemTime>,
}

impl<T> Lease<T> {
    /// Good until `until`; for ever with `None`.
    pub fn new(value: T, until: Option<SystemTime>) -> Self {
        Self { value, until }
    }

    /// What it is about.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// When it ends.
    pub fn until(&self) -> Option<SystemTime> {
        self.until
    }

    fn lasts(&self, at_least: Duration) -> bool {
        // By the clock of the wall: one that stands still while a laptop sleeps would trust what has long ended.
        self.until.is_none_or(|until| until.duration_since(SystemTime::now()).is_ok_and(|left| left > at_least))
    }
}

/// How long credentials that still last are handed out without another try, once one to renew them failed: who hands them out may
/// take long to say no, and everybody waits for one.
pub const RENEW_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Holds credentials and has them renewed [`RENEW_BEFORE`] their end, by one caller at a time. Debug shows none.
pub struct Renewed<T>(Mutex<Held<T>>);

struct Held<T> {
    lease: Option<Lease<T>>,
    /// When they were last not renewed.
    failed: Option<Instant>,
}

impl<T: Clone> Renewed<T> {
    /// With none yet.
    pub fn new() -> Self {
        Self(Mutex::new(Held { lease: None, failed: None }))
    }

    /// The credentials, from `renew` where there are none that last. Whoever asks meanwhile waits for it; when it is dropped,
    /// the next one renews.
    ///
    /// # Errors
    /// Those of `renew`, unless there are credentials that have not ended.
    pub async fn get(&self, renew: impl Future<Output = Result<Lease<T>>>) -> Result<T> {
        let mut held = self.0.lock().await;
        let rests = held.failed.is_some_and(|failed| failed.elapsed() < RENEW_AGAIN_AFTER);
        let at_least = if rests { Duration::ZERO } else { RENEW_BEFORE };
        if let Some(lease) = held.lease.as_ref().filter(|lease| lease.lasts(at_least)) {
            return Ok(lease.value.clone());
        }
        let renewed = renew.await;
        held.failed = renewed.is_err().then(Instant::now);
        match (renewed, held.lease.as_ref().filter(|lease| lease.lasts(Duration::ZERO))) {
            (Ok(lease), _) => Ok(held.lease.insert(lease).value.clone()),
            (Err(error), Some(lease)) => {
                tracing::debug!(%error, "credentials were not renewed, and have not ended yet");
                Ok(lease.value.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl<T: Clone> Default for Renewed<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewed").finish_non_exhaustive()
    }
}
