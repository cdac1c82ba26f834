//! Reach of a session that its store has still to be told of.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Place, Reach};
use crate::redact::Redactor;
use crate::store::Reached;

/// What a session touched since its last entry. Whatever is appended next takes it along.
pub(crate) struct Unstored {
    place: Arc<Place>,
    redactor: Redactor,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the store has: a name is stored once a session.
    stored: Reach,
    pending: Reach,
}

impl Unstored {
    pub(crate) fn new(place: Place, redactor: Redactor) -> Self {
        Self { place: Arc::new(place), redactor, state: Mutex::default() }
    }

    pub(crate) fn add(&self, reach: &Reach) {
        if self.redactor.is_empty() {
            return self.lock().pending.add(reach);
        }
        let mut reach = reach.clone();
        reach.map_names(&|name| self.redactor.redacted(name));
        self.lock().pending.add(&reach);
    }

    /// Says what the store has of this session.
    pub(crate) fn known(&self, stored: Reach) {
        self.lock().stored = stored;
    }

    /// What is new since the last call; it is given back when it is not [stored](Taken::stored) after all.
    pub(crate) fn take(&self) -> Option<Taken<'_>> {
        let mut state = self.lock();
        let new = std::mem::take(&mut state.pending).without(&state.stored);
        (!new.is_empty()).then(|| Taken { from: self, reach: new, is_stored: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Unstored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unstored").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Reach on its way to the store.
pub(crate) struct Taken<'a> {
    from: &'a Unstored,
    reach: Reach,
    is_stored: bool,
}

impl Taken<'_> {
    /// As it is stored.
    pub(crate) fn reached(&self) -> Arc<Reached> {
        Arc::new(Reached { sandbox: self.from.place.clone(), reach: self.reach.clone() })
    }

    /// The store has it.
    pub(crate) fn stored(mut self) {
        self.is_stored = true;
        self.from.lock().stored.add(&self.reach);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.is_stored {
            self.from.lock().pending.add(&self.reach);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SandboxLevel;

    fn reads(names: &[&str]) -> Reach {
        let mut reach = Reach { execs: 1, ..Reach::default() };
        reach.reads.extend(names.iter().copied());
        reach
    }

    #[test]
    fn a_name_is_stored_once_and_what_was_not_stored_comes_again() {
        let place = Place { level: SandboxLevel::Virtual, provider: "p".into(), cwd: "/".into() };
        let unstored = Unstored::new(place, Redactor::new(["s3cret-value"]).unwrap());
        assert!(unstored.take().is_none());
        unstored.add(&reads(&["/a", "/s3cret-value"]));
        drop(unstored.take());
        let taken = unstored.take().unwrap();
        assert!(taken.reach.reads.contains("/a") && !format!("{:?}", taken.reach).contains("s3cret"));
        taken.stored();
        unstored.add(&reads(&["/a", "/b"]));
        let taken = unstored.take().unwrap();
        assert_eq!(taken.reach, reads(&["/b"]));
    }
}
