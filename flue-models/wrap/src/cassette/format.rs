//! The lines of a cassette.

use std::time::Duration;

use flue_core::model::{AssistantBlock, Body, Finish, ModelEvent, ModelInfo, ModelRequest, Origin, StopReason, Usage};
use flue_core::{Error, ErrorKind, Result, Retry};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const CASSETTE_VERSION: u32 = 1;

/// The most bytes that a cassette may have to be played.
pub const MAX_CASSETTE_BYTES: usize = 64 * 1024 * 1024;

/// The first line: who answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    cassette: u32,
    origin: Origin,
    #[serde(default)]
    context_window: Option<u64>,
    #[serde(default)]
    max_output: Option<u64>,
    images: bool,
    reasoning: bool,
}

impl Head {
    pub(super) fn of(info: &ModelInfo) -> Self {
        Self {
            cassette: CASSETTE_VERSION,
            origin: info.origin.clone(),
            context_window: info.context_window,
            max_output: info.max_output,
            images: info.images,
            reasoning: info.reasoning,
        }
    }

    fn into_info(self) -> ModelInfo {
        let Origin { provider, api, model } = self.origin;
        let mut info = ModelInfo::new(provider, api, model);
        info.context_window = self.context_window;
        info.max_output = self.max_output;
        info.images = self.images;
        info.reasoning = self.reasoning;
        info
    }
}

/// A turn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Turn {
    /// What the request was, in outline.
    pub(super) request: String,
    pub(super) events: Vec<Recorded>,
    /// How it failed, after the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failure>,
}

impl Turn {
    /// Takes the next event. Deltas in a row become one: a secret may be cut between two.
    pub(super) fn push(&mut self, event: &ModelEvent) {
        match (self.events.last_mut(), event) {
            (Some(Recorded::Text(text)), ModelEvent::TextDelta(more))
            | (Some(Recorded::Thinking(text)), ModelEvent::ThinkingDelta(more)) => text.push_str(more),
            _ => self.events.extend(Recorded::of(event)),
        }
    }
}

/// An event, but for deltas of calls, whose blocks say all.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recorded {
    Text(String),
    Thinking(String),
    Block(AssistantBlock),
    Finished(End),
}

/// A [`Finish`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct End {
    stop: StopReason,
    usage: Usage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Recorded {
    pub(super) fn of(event: &ModelEvent) -> Option<Self> {
        Some(match event {
            ModelEvent::TextDelta(text) => Self::Text(text.clone()),
            ModelEvent::ThinkingDelta(text) => Self::Thinking(text.clone()),
            ModelEvent::Block(block) => Self::Block(block.clone()),
            ModelEvent::Finished(Finish { stop, usage, response_id, response_model, detail, .. }) => {
                Self::Finished(End {
                    stop: *stop,
                    usage: *usage,
                    response_id: response_id.clone(),
                    response_model: response_model.clone(),
                    detail: detail.clone(),
                })
            }
            _ => return None,
        })
    }

    pub(super) fn into_event(self) -> ModelEvent {
        match self {
            Self::Text(text) => ModelEvent::TextDelta(text),
            Self::Thinking(text) => ModelEvent::ThinkingDelta(text),
            Self::Block(block) => ModelEvent::Block(block),
            Self::Finished(End { stop, usage, response_id, response_model, detail }) => {
                let mut finish = Finish::new(stop, usage);
                (finish.response_id, finish.response_model, finish.detail) = (response_id, response_model, detail);
                ModelEvent::Finished(finish)
            }
        }
    }
}

/// The kinds of errors that a model gives, by their names.
const KINDS: [ErrorKind; 9] = [
    ErrorKind::Authentication,
    ErrorKind::ContextOverflow,
    ErrorKind::InvalidInput,
    ErrorKind::LimitExceeded,
    ErrorKind::NotFound,
    ErrorKind::Protocol,
    ErrorKind::QuotaExhausted,
    ErrorKind::RateLimited,
    ErrorKind::Timeout,
];

/// An error of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: String,
    message: String,
    /// Absent: never. 0: after a delay of the caller's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let retry_after_ms = match error.retry() {
            Retry::Backoff => Some(0),
            Retry::After(delay) => u64::try_from(delay.as_millis()).ok(),
            _ => None,
        };
        Self { kind: error.kind().name().to_owned(), message: error.message().to_owned(), retry_after_ms }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = KINDS.into_iter().find(|kind| kind.name() == self.kind).unwrap_or(ErrorKind::Unavailable);
        let retry = match self.retry_after_ms {
            None => Retry::Never,
            Some(0) => Retry::Backoff,
            Some(millis) => Retry::After(Duration::from_millis(millis)),
        };
        Error::new(kind, "ask the model", self.message).with_retry(retry)
    }
}

/// The outline of a request: who spoke, and which tools there are. What tools gave is left out, as it differs from run to
/// run.
pub(super) fn outline(request: &ModelRequest) -> String {
    let said = request.messages.iter().map(|message| match &message.body {
        Body::User(_) => "user".to_owned(),
        Body::Assistant(assistant) => {
            let calls: Vec<&str> = assistant.tool_calls().map(|call| call.name.as_str()).collect();
            format!("assistant[{}]", calls.join(","))
        }
        Body::ToolResult(result) => format!("result[{}]", result.tool),
        _ => "?".to_owned(),
    });
    let said: Vec<String> = said.collect();
    let tools: Vec<&str> = request.tools.specs().iter().map(|tool| tool.name.as_str()).collect();
    format!("{} with {}", said.join(" "), if tools.is_empty() { "no tools".to_owned() } else { tools.join(",") })
}

pub(super) fn line(value: &impl Serialize) -> Result<String> {
    let written = serde_json::to_string(value).map_err(|source| {
        Error::new(ErrorKind::Internal, "write a cassette", "it cannot be written as JSON").with_source(source)
    })?;
    Ok(written + "\n")
}

/// Reads a whole cassette.
pub(super) fn read(text: &str) -> Result<(ModelInfo, Vec<Turn>)> {
    let bad = |why: String| Error::new(ErrorKind::InvalidInput, "play a cassette", why);
    if text.len() > MAX_CASSETTE_BYTES {
        return Err(bad("it is too long".to_owned()).with("limit_bytes", MAX_CASSETTE_BYTES));
    }
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let head = lines.next().and_then(|(_, line)| serde_json::from_str::<Head>(line).ok());
    let head = head.ok_or_else(|| bad("its first line does not say who answered".to_owned()))?;
    if head.cassette != CASSETTE_VERSION {
        let found = head.cassette;
        return Err(bad(format!("its format is version {found}, and this program reads {CASSETTE_VERSION}")));
    }
    let turn = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|source| bad(format!("line {} is no turn", index + 1)).with_source(source))
    };
    Ok((head.into_info(), lines.map(turn).collect::<Result<_>>()?))
}
