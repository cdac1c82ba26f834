//! A reply as a stream of events.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flue_core::model::ModelEvent;
use flue_core::{Error, ErrorKind, Result, Retry};
use futures_core::Stream;
use reqwest::Response;
use tokio::time::Sleep;
use tracing::Span;

use super::{Endpoint, HttpOptions};
use crate::Decoding;
use crate::failure::OPERATION;

/// How long the end of the body is waited for after the end of the turn. A body that was read to its end leaves a
/// connection that the next turn can use; most servers end it in the same packet.
const DRAIN_GRACE: Duration = Duration::from_millis(50);

/// The most bytes that are read after the end of the turn.
const DRAIN_BYTES: usize = 64 * 1024;

/// Decodes as it is polled. Dropping it closes the connection.
pub(super) struct Reply {
    body: Body,
    decoding: Decoding,
    fresh: Vec<ModelEvent>,
    ready: VecDeque<Result<ModelEvent>>,
    state: State,
    sender: Sender,
}

/// Who answers, as far as the errors of a reply have to tell.
pub(super) struct Sender {
    pub(super) endpoint: Endpoint,
    pub(super) options: HttpOptions,
    pub(super) spec: String,
    pub(super) request_id: Option<String>,
    pub(super) span: Span,
}

impl Sender {
    fn dress(&self, mut error: Error) -> Error {
        if let Some(id) = &self.request_id
            && error.fact("request_id").is_none()
        {
            error = error.with("request_id", id);
        }
        self.endpoint.dress(error.with("model", &self.spec))
    }
}

type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

enum State {
    Reading,
    /// The turn is complete: its last event is kept back until the body ends.
    Draining(ModelEvent, Drain),
    Done,
}

#[derive(Default)]
struct Drain {
    bytes: usize,
    grace: Option<Pin<Box<Sleep>>>,
}

impl Drain {
    /// Ready when the body ended, or is not worth reading on.
    fn poll(&mut self, body: &mut Body, cx: &mut Context<'_>) -> Poll<()> {
        while self.bytes < DRAIN_BYTES {
            match body.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => self.bytes += chunk.len().max(1),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    let grace = self.grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(DRAIN_GRACE)));
                    return grace.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }
}

impl Reply {
    pub(super) fn new(response: Response, decoding: Decoding, sender: Sender) -> Self {
        let body = Box::pin(response.bytes_stream());
        Self { body, decoding, fresh: Vec::new(), ready: VecDeque::new(), state: State::Reading, sender }
    }

    fn take(&mut self, chunk: Option<reqwest::Result<Bytes>>) {
        let ended = chunk.is_none();
        let taken = match chunk {
            Some(Ok(chunk)) => self.decoding.feed(&chunk, &mut self.fresh),
            Some(Err(error)) => {
                Err(transport_error(OPERATION, error, "stream", self.sender.endpoint.host(), &self.sender.options))
            }
            None => self.decoding.end(&mut self.fresh),
        };
        if self.decoding.is_finished()
            && !ended
            && let Some(finished) = self.fresh.pop()
        {
            self.state = State::Draining(finished, Drain::default());
        }
        self.ready.extend(self.fresh.drain(..).map(Ok));
        if let Err(error) = taken {
            self.ready.push_back(Err(self.sender.dress(error)));
            self.state = State::Done;
        } else if ended {
            self.state = State::Done;
        }
    }
}

impl Stream for Reply {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let span = this.sender.span.clone();
        let _entered = span.enter();
        loop {
            if let Some(event) = this.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            match &mut this.state {
                State::Reading => match this.body.as_mut().poll_next(cx) {
                    Poll::Ready(chunk) => this.take(chunk),
                    Poll::Pending => return Poll::Pending,
                },
                State::Draining(_, drain) => {
                    if drain.poll(&mut this.body, cx).is_pending() {
                        return Poll::Pending;
                    }
                    if let State::Draining(finished, _) = std::mem::replace(&mut this.state, State::Done) {
                        return Poll::Ready(Some(Ok(finished)));
                    }
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }
}

/// The error of a connection that was not made, or broke.
pub(super) fn transport_error(
    operation: &'static str,
    error: reqwest::Error,
    phase: &'static str,
    host: &str,
    options: &HttpOptions,
) -> Error {
    // The URL may hold credentials.
    let error = error.without_url();
    let untrusted = is_tls(&error);
    let (phase, message) = match (error.is_connect(), error.is_timeout(), phase) {
        (true, _, _) if untrusted => ("connect", "no trusted connection to the server was made".to_owned()),
        (true, true, _) => ("connect", format!("the server took no connection within {:?}", options.connect_timeout)),
        (true, false, _) => ("connect", "the server cannot be reached".to_owned()),
        (false, true, phase) => (phase, format!("the server was silent for {:?}", options.idle_timeout)),
        (false, false, "request") => ("request", "the connection broke before the server answered".to_owned()),
        (false, false, phase) => (phase, "the connection broke within the reply".to_owned()),
    };
    let retry = if untrusted || error.is_builder() { Retry::Never } else { Retry::Backoff };
    Error::new(ErrorKind::Unavailable, operation, message)
        .with("phase", phase)
        .with("host", host)
        .with_retry(retry)
        .with_source(error)
}

/// Whether TLS refused: a certificate that is not trusted does not become so by waiting.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return true;
        }
        // The source of an I/O error is that of the error it wraps, not the wrapped error itself.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}
