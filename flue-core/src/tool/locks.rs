//! One writer at a time for each file of a sandbox, in the order in which the calls were made.
//!
//! Invariant: a place in a file's queue is taken when a call is prepared, synchronously and in call order. Every call takes
//! at most one place, so there is no cycle to deadlock in.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use tokio::sync::OwnedMutexGuard;

use crate::SandboxPath;

/// With more queues than this, those that nobody waits in are forgotten.
const PRUNE_ABOVE: usize = 64;

/// The queues of one sandbox. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct PathLocks(Arc<Mutex<HashMap<SandboxPath, Weak<tokio::sync::Mutex<()>>>>>);

/// A place in a file's queue. Given back on drop.
pub(crate) enum Ticket {
    Waiting(Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>),
    Held { _guard: OwnedMutexGuard<()> },
}

impl PathLocks {
    /// Takes the next place for `path`.
    pub(crate) fn enqueue(&self, path: SandboxPath) -> Ticket {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() > PRUNE_ABOVE {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let known = queues.get(&path).and_then(Weak::upgrade);
        let queue = known.unwrap_or_else(|| {
            let queue = Arc::default();
            queues.insert(path, Arc::downgrade(&queue));
            queue
        });
        // The mutex is fair; its queue is joined at the first poll. Without a budget of its own that poll could be put off.
        let mut place = Box::pin(tokio::task::unconstrained(queue.lock_owned()));
        match place.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => Ticket::Held { _guard: guard },
            Poll::Pending => Ticket::Waiting(place),
        }
    }
}

impl Ticket {
    /// Waits until every earlier place is given back.
    pub(crate) async fn turn(&mut self) {
        if let Self::Waiting(place) = self {
            let guard = place.await;
            *self = Self::Held { _guard: guard };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_served_in_the_order_in_which_they_were_taken() {
        let locks = PathLocks::default();
        let path = SandboxPath::new("/a").unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let tickets: Vec<_> = (0..20).map(|number| (number, locks.enqueue(path.clone()))).collect();
        let mut tasks = tokio::task::JoinSet::new();
        for (number, mut ticket) in tickets.into_iter().rev() {
            let order = order.clone();
            tasks.spawn(async move {
                ticket.turn().await;
                order.lock().unwrap().push(number);
            });
        }
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_place_given_up_early_lets_nobody_overtake() {
        let locks = PathLocks::default();
        let path = SandboxPath::new("/a").unwrap();
        let first = locks.enqueue(path.clone());
        let second = locks.enqueue(path.clone());
        let mut third = locks.enqueue(path.clone());
        drop(second);
        let mut turn = Box::pin(third.turn());
        assert!(turn.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(first);
        turn.await;
    }
}
