//! A turn as data.

use std::time::Duration;

use flue_core::model::{StopReason, Usage};
use flue_core::{Error, ErrorKind, Retry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a scripted model does when it is asked once. As JSON, every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ScriptedTurn {
    /// What it thinks first.
    pub thinking: Option<String>,
    /// What it says.
    pub text: Option<String>,
    /// The tools it calls.
    pub tool_calls: Vec<ScriptedCall>,
    /// Why it stops. Left out, it stops for its tool calls, or because it is done.
    pub stop: Option<StopReason>,
    /// What it costs. Left out, a token for every four bytes, in and out.
    pub usage: Option<Usage>,
    /// How it fails: before anything when it says nothing either, else after that.
    pub error: Option<ScriptedError>,
}

/// A tool call of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The call's id. Left out, one that is new in the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// Its arguments: an object; or a text, which is sent as it is, broken or not.
    #[serde(default)]
    pub arguments: Value,
}

/// A failure of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedError {
    /// The kind, by its [`ErrorKind::name`].
    pub kind: String,
    /// What the provider says.
    pub message: String,
    /// After how many milliseconds to try again. Left out, the kind decides whether at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// The kinds with which a provider fails.
const KINDS: [ErrorKind; 10] = [
    ErrorKind::Authentication,
    ErrorKind::Cancelled,
    ErrorKind::ContextOverflow,
    ErrorKind::InvalidInput,
    ErrorKind::Protocol,
    ErrorKind::QuotaExhausted,
    ErrorKind::RateLimited,
    ErrorKind::Refused,
    ErrorKind::Timeout,
    ErrorKind::Unavailable,
];

impl ScriptedTurn {
    /// A turn that says this.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// A turn that calls a tool with an object of arguments.
    pub fn call(name: impl Into<String>, arguments: Value) -> Self {
        Self::default().and_call(name, arguments)
    }

    /// A turn that fails before it says anything.
    pub fn error(kind: ErrorKind, message: impl Into<String>) -> Self {
        let error = ScriptedError { kind: kind.name().to_owned(), message: message.into(), retry_after_ms: None };
        Self { error: Some(error), ..Self::default() }
    }

    /// Adds a tool call.
    #[must_use]
    pub fn and_call(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.tool_calls.push(ScriptedCall { id: None, name: name.into(), arguments });
        self
    }

    /// Thinks this first.
    #[must_use]
    pub fn thinking(mut self, thinking: impl Into<String>) -> Self {
        self.thinking = Some(thinking.into());
        self
    }

    /// Stops for this reason.
    #[must_use]
    pub fn stop(mut self, stop: StopReason) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Costs this.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }
}

impl ScriptedError {
    pub(crate) fn to_error(&self) -> Error {
        let kind = KINDS.into_iter().find(|kind| kind.name() == self.kind);
        let retry = match (self.retry_after_ms, kind) {
            (Some(millis), _) => Retry::After(Duration::from_millis(millis)),
            (None, Some(ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Protocol)) => Retry::Backoff,
            _ => Retry::Never,
        };
        Error::new(kind.unwrap_or(ErrorKind::Unavailable), "ask the model", self.message.clone()).with_retry(retry)
    }

    /// What is wrong with it, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        if KINDS.iter().any(|kind| kind.name() == self.kind) {
            return Ok(());
        }
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        Err(format!("{:?} is no kind of a provider's error; there are: {}", self.kind, names.join(", ")))
    }
}
