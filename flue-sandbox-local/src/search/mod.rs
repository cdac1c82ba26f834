//! Search by ripgrep's libraries, over descriptors: what is searched stays beneath the root like everything else.
//!
//! Ignore files count as they do for `rg --hidden --glob '!.git'`, but for the user's global one. The same path always
//! gives the same answer, in the order of paths.

#[cfg(target_os = "linux")]
mod git;
mod glob;
mod grep;
mod ignored;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flue_core::search::{GlobHits, GlobQuery, GrepHits, GrepQuery};
use flue_core::{Result, SandboxPath};
use tokio_util::sync::CancellationToken;

#[cfg(target_os = "linux")]
pub(crate) use self::git::GitIgnored;
pub(crate) use self::ignored::Outer;
use crate::files::{Refusal, Root, blocking, closed, refused};

/// Searches the files of one sandbox.
#[derive(Debug)]
pub(crate) struct Search {
    place: Arc<Place>,
    closed: CancellationToken,
}

/// What is searched.
#[derive(Debug)]
struct Place {
    root: Arc<Root>,
    outer: Arc<Outer>,
}

impl Search {
    pub(crate) fn new(root: Arc<Root>, outer: Arc<Outer>, closed: CancellationToken) -> Self {
        Self { place: Arc::new(Place { root, outer }), closed }
    }

    pub(crate) async fn grep(&self, query: GrepQuery) -> Result<GrepHits> {
        let path = query.path.clone();
        self.run("grep", path, move |place, going| grep::grep(place, &query, going)).await
    }

    pub(crate) async fn glob(&self, query: GlobQuery) -> Result<GlobHits> {
        let path = query.path.clone();
        self.run("glob", path, move |place, going| glob::glob(place, &query, going)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        path: SandboxPath,
        search: impl FnOnce(&Place, &Going) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<T> {
        if self.closed.is_cancelled() {
            return Err(closed(operation));
        }
        let going = Going { stop: Arc::default(), closed: self.closed.clone() };
        // Dropped with the caller's future.
        let _stop = StopOnDrop(Arc::clone(&going.stop));
        let place = Arc::clone(&self.place);
        let found = blocking(operation, move || {
            search(&place, &going).map_err(|stopped| match stopped {
                Stopped::Refused(refusal) => refused(operation, &path, refusal),
                Stopped::Invalid(error) => *error,
                Stopped::Left => closed(operation),
            })
        });
        found.await
    }
}

/// Why a search gave no answer.
enum Stopped {
    Refused(Refusal),
    Invalid(Box<flue_core::Error>),
    /// Nobody waits for it any more.
    Left,
}

impl<R: Into<Refusal>> From<R> for Stopped {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<flue_core::Error> for Stopped {
    fn from(error: flue_core::Error) -> Self {
        Self::Invalid(Box::new(error))
    }
}

/// Whether to go on.
struct Going {
    stop: Arc<AtomicBool>,
    closed: CancellationToken,
}

impl Going {
    fn on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed) && !self.closed.is_cancelled()
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
