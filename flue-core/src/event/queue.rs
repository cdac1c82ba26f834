//! A bounded queue between an agent and a reader of its events.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Event, EventRecord, Observer};

/// The most events that an [`EventQueue`] holds.
pub const EVENT_QUEUE_LEN: usize = 4096;

/// A bounded queue between the agent and one reader that takes its time. When it is full, the oldest go.
#[derive(Default)]
pub struct EventQueue(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    records: VecDeque<EventRecord>,
    dropped: u64,
    reader: Option<Waker>,
}

impl EventQueue {
    /// Takes the oldest event, or has the task woken when there is one. After a loss, [`Event::Lagged`] comes first.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<EventRecord> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = std::mem::take(&mut queue.dropped);
        if let Some(next) = queue.records.front()
            && dropped > 0
        {
            return Poll::Ready(EventRecord { event: Event::Lagged { dropped }, ..next.clone() });
        }
        match queue.records.pop_front() {
            Some(record) => Poll::Ready(record),
            None => {
                queue.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits for the next event. Cancel safe.
    pub async fn next(&self) -> EventRecord {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Observer for EventQueue {
    fn event(&self, record: &EventRecord) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.records.len() >= EVENT_QUEUE_LEN {
            queue.records.pop_front();
            queue.dropped += 1;
        }
        queue.records.push_back(record.clone());
        if let Some(reader) = queue.reader.take() {
            drop(queue);
            reader.wake();
        }
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventQueue")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::EVENT_VERSION;

    fn record(index: u64) -> EventRecord {
        EventRecord {
            v: EVENT_VERSION,
            index,
            at_ms: 0,
            session: None,
            parent: None,
            task: None,
            event: Event::SandboxClosed,
        }
    }

    #[tokio::test]
    async fn a_full_queue_drops_the_oldest_and_says_so_once() {
        let queue = EventQueue::default();
        let extra = 10;
        for index in 0..(EVENT_QUEUE_LEN as u64 + extra) {
            queue.event(&record(index));
        }
        assert_eq!(queue.next().await.event, Event::Lagged { dropped: extra });
        for index in extra..(EVENT_QUEUE_LEN as u64 + extra) {
            assert_eq!(queue.next().await, record(index));
        }
    }

    #[tokio::test]
    async fn a_waiting_reader_is_woken() {
        let queue = Arc::new(EventQueue::default());
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await.index }
        });
        tokio::task::yield_now().await;
        queue.event(&record(7));
        assert_eq!(reader.await.unwrap(), 7);
    }
}
