//! The reply's JSON. Everything may be missing or of another type, and nothing unknown is refused.

use flue_models_kit::json::{List, Number, Record, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One event of a stream, or a whole reply.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) candidates: List<Record<Candidate<'a>>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Record<Feedback<'a>>,
    pub(super) usage_metadata: Record<UsageMetadata>,
    #[serde(borrow)]
    pub(super) response_id: Str<'a>,
    #[serde(borrow)]
    pub(super) model_version: Str<'a>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(borrow)]
    pub(super) content: Record<Content<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Str<'a>,
    #[serde(borrow)]
    pub(super) finish_message: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    pub(super) parts: List<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Str<'a>>,
    /// `true` for thinking.
    #[serde(borrow)]
    pub(super) thought: Str<'a>,
    #[serde(borrow)]
    pub(super) thought_signature: Str<'a>,
    #[serde(borrow)]
    pub(super) function_call: Record<Call<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
}

/// Why a prompt was not answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Feedback<'a> {
    #[serde(borrow)]
    pub(super) block_reason: Str<'a>,
    #[serde(borrow)]
    pub(super) block_reason_message: Str<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UsageMetadata {
    pub(super) prompt_token_count: Number,
    pub(super) tool_use_prompt_token_count: Number,
    pub(super) cached_content_token_count: Number,
    pub(super) candidates_token_count: Number,
    pub(super) thoughts_token_count: Number,
}
