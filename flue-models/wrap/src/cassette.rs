//! What a model answered, kept in a file and played again.
//!
//! A cassette is JSON, one value a line: first who answered, then each turn with the outline of its request. Credentials
//! are not in it, as requests and events never have them.

mod format;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use flue_core::model::{Model, ModelEvent, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, ErrorKind, Result};
use futures_util::{Stream, stream};

pub use self::format::{CASSETTE_VERSION, MAX_CASSETTE_BYTES};
use self::format::{Head, Turn, outline};

/// What replaces a scrubbed text.
const SCRUBBED: &str = "***";

/// A model whose answers are kept. Clones write the same cassette.
#[derive(Debug, Clone)]
pub struct Recorder {
    model: Arc<dyn Model>,
    tape: Arc<Tape>,
}

struct Tape {
    secrets: Vec<String>,
    turns: Mutex<Vec<Turn>>,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Records what `model` answers.
    pub fn new(model: Arc<dyn Model>) -> Self {
        Self { model, tape: Arc::new(Tape { secrets: Vec::new(), turns: Mutex::default() }) }
    }

    /// Writes `***` wherever an answer has `secret`. To be called before anything is asked: what was recorded is let go.
    #[must_use]
    pub fn scrub(self, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        let mut secrets = self.tape.secrets.clone();
        secrets.extend(Some(secret).filter(|secret| !secret.is_empty()));
        Self { model: self.model, tape: Arc::new(Tape { secrets, turns: Mutex::default() }) }
    }

    /// The cassette so far: the turns whose streams were read to their end, and the requests that failed.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it cannot be written as JSON.
    pub fn cassette(&self) -> Result<String> {
        let head = Head::of(self.model.info());
        let mut text = format::line(&head)?;
        for turn in self.tape.turns.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&format::line(turn)?);
        }
        for secret in &self.tape.secrets {
            // As it stands in JSON, where quotes and line ends are escaped, and in the arguments of calls, which are JSON
            // in JSON.
            let once = escaped(secret);
            text = text.replace(&escaped(&once), SCRUBBED).replace(&once, SCRUBBED);
        }
        Ok(text)
    }
}

/// `text` as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[async_trait]
impl Model for Recorder {
    fn info(&self) -> &ModelInfo {
        self.model.info()
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let request_outline = outline(&request);
        match self.model.stream(request).await {
            Ok(events) => {
                let turn = Some(Turn { request: request_outline, events: Vec::new(), error: None });
                Ok(Box::pin(Taped { events, turn, tape: self.tape.clone() }))
            }
            Err(error) => {
                let failure = Some(format::Failure::of(&error));
                self.tape.push(Turn { request: request_outline, events: Vec::new(), error: failure });
                Err(error)
            }
        }
    }

    /// Counted, and not recorded: who plays the cassette hears that nobody counts.
    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        self.model.count_tokens(request).await
    }
}

impl Tape {
    fn push(&self, turn: Turn) {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push(turn);
    }
}

/// A stream that is recorded while it is read.
struct Taped {
    events: ModelStream,
    turn: Option<Turn>,
    tape: Arc<Tape>,
}

impl Stream for Taped {
    type Item = Result<ModelEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = this.events.as_mut().poll_next(cx);
        let (event, over) = match &polled {
            Poll::Ready(Some(Ok(event))) => (Some(event), matches!(event, ModelEvent::Finished(_))),
            Poll::Ready(Some(Err(error))) => {
                if let Some(turn) = &mut this.turn {
                    turn.error = Some(format::Failure::of(error));
                }
                (None, true)
            }
            Poll::Ready(None) => (None, true),
            Poll::Pending => (None, false),
        };
        if let (Some(turn), Some(event)) = (&mut this.turn, event) {
            turn.push(event);
        }
        if over && let Some(turn) = this.turn.take() {
            this.tape.push(turn);
        }
        polled
    }
}

/// A model that plays a cassette: turn by turn, in the order in which they were recorded. Clones play the same one.
#[derive(Debug, Clone)]
pub struct Player {
    info: Arc<ModelInfo>,
    turns: Arc<Mutex<VecDeque<Turn>>>,
}

impl Player {
    /// Plays `cassette`, as [`Recorder::cassette`] gave it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a text that is no cassette, or is longer than [`MAX_CASSETTE_BYTES`].
    pub fn new(cassette: &str) -> Result<Self> {
        let (info, turns) = format::read(cassette)?;
        Ok(Self { info: Arc::new(info), turns: Arc::new(Mutex::new(turns.into())) })
    }

    /// How many turns were not played yet.
    pub fn turns_left(&self) -> usize {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl Model for Player {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let asked = outline(&request);
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match turns.front() {
            Some(turn) if turn.request == asked => None,
            Some(turn) => Some(format!("the request is another than the one recorded: {asked}, not {}", turn.request)),
            None => Some("the cassette is at its end".to_owned()),
        };
        if let Some(why) = why {
            let what_next = format!("{why}; record it again");
            return Err(Error::new(ErrorKind::InvalidInput, "play a cassette", what_next));
        }
        let turn = turns.pop_front().unwrap_or_default();
        drop(turns);
        match turn.error {
            Some(failure) if turn.events.is_empty() => Err(failure.into_error()),
            failure => {
                let events = turn.events.into_iter().map(|event| Ok(event.into_event()));
                Ok(Box::pin(stream::iter(events.chain(failure.map(|failure| Err(failure.into_error()))))))
            }
        }
    }
}
