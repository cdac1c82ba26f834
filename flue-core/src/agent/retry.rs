//! How failed model turns are tried again.

use std::time::Duration;

/// How failed model turns are tried again. Only errors that say they may pass are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The most tries after the first; 3 by default.
    pub retries: u32,
    /// The wait before the first retry, doubled for each further one; 2 seconds by default. A quarter of it is random.
    pub base_delay: Duration,
    /// The longest that a provider may ask us to wait, 60 seconds by default; when it asks for more, the turn fails at once.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3, base_delay: Duration::from_secs(2), max_delay: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// A failed turn fails the prompt.
    pub fn never() -> Self {
        Self { retries: 0, ..Self::default() }
    }

    /// At most so many tries after the first.
    pub fn retries(retries: u32) -> Self {
        Self { retries, ..Self::default() }
    }

    /// Sets the wait before the first retry.
    #[must_use]
    pub fn with_base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }
}
