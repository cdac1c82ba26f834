//! Responses events as they arrive: every field optional, of any type, unknown ones passed over.

use flue_models_kit::json::{List, Number, Record, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Any event of a stream; which fields it has depends on its `kind`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Str<'a>,
    pub(super) output_index: Number,
    #[serde(borrow)]
    pub(super) item_id: Str<'a>,
    #[serde(borrow)]
    pub(super) delta: Str<'a>,
    /// The whole text, in the `.done` events of texts.
    #[serde(borrow)]
    pub(super) text: Option<Str<'a>>,
    /// The whole text, in `response.refusal.done`.
    #[serde(borrow)]
    pub(super) refusal: Option<Str<'a>>,
    /// The whole arguments, in `response.function_call_arguments.done`.
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) response: Record<Response<'a>>,
    /// What went wrong, in an event that has no type.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// A response: in the events that begin and end a stream, or as the whole reply.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) model: Str<'a>,
    #[serde(borrow)]
    pub(super) status: Str<'a>,
    #[serde(borrow)]
    pub(super) incomplete_details: Record<Incomplete<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output: List<&'a RawValue>,
    pub(super) usage: Record<Usage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incomplete<'a> {
    #[serde(borrow)]
    pub(super) reason: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) input_tokens: Number,
    pub(super) output_tokens: Number,
    pub(super) input_tokens_details: Record<InputDetails>,
    pub(super) output_tokens_details: Record<OutputDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputDetails {
    pub(super) cached_tokens: Number,
    pub(super) cache_write_tokens: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputDetails {
    pub(super) reasoning_tokens: Number,
}

/// An output item.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Str<'a>,
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) status: Str<'a>,
    #[serde(borrow)]
    pub(super) call_id: Str<'a>,
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
    /// Which channel a message was said in; wanted back with it.
    #[serde(borrow)]
    pub(super) phase: Str<'a>,
    #[serde(borrow)]
    pub(super) content: List<Record<Part<'a>>>,
    #[serde(borrow)]
    pub(super) summary: List<Record<Part<'a>>>,
    #[serde(borrow)]
    pub(super) encrypted_content: Str<'a>,
}

/// A part of a message or of reasoning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Str<'a>,
    #[serde(borrow)]
    pub(super) refusal: Str<'a>,
}
