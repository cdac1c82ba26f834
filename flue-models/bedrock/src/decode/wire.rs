//! The reply's JSON. Everything may be missing or of another type, and nothing unknown is refused.

use flue_models_kit::json::{List, Number, Record, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Any event of a stream; which fields it has depends on its name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Event<'a> {
    pub(super) content_block_index: Number,
    #[serde(borrow)]
    pub(super) start: Record<Start<'a>>,
    #[serde(borrow)]
    pub(super) delta: Record<Delta<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Str<'a>,
    pub(super) usage: Record<Usage>,
    #[serde(borrow)]
    pub(super) message: Option<Str<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Start<'a> {
    #[serde(borrow)]
    pub(super) tool_use: Record<ToolUse<'a>>,
}

/// A call as it begins, a piece of it, or all of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ToolUse<'a> {
    #[serde(borrow)]
    pub(super) tool_use_id: Str<'a>,
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) tool_use: Record<ToolUse<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Record<Reasoning<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Reasoning<'a> {
    #[serde(borrow)]
    pub(super) text: Str<'a>,
    #[serde(borrow)]
    pub(super) signature: Str<'a>,
    #[serde(borrow)]
    pub(super) redacted_content: Str<'a>,
    /// In whole replies: text and signature.
    #[serde(borrow)]
    pub(super) reasoning_text: Record<ReasoningText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReasoningText<'a> {
    #[serde(borrow)]
    pub(super) text: Str<'a>,
    #[serde(borrow)]
    pub(super) signature: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Usage {
    pub(super) input_tokens: Number,
    pub(super) output_tokens: Number,
    pub(super) cache_read_input_tokens: Number,
    pub(super) cache_write_input_tokens: Number,
}

/// A whole reply.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Whole<'a> {
    #[serde(borrow)]
    pub(super) output: Record<Output<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Str<'a>,
    pub(super) usage: Record<Usage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    pub(super) message: Record<Content<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) content: List<&'a RawValue>,
}
