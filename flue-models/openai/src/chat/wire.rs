//! Chat Completions replies as they arrive: every field optional, of any type, unknown ones passed over.

use flue_models_kit::json::{List, Number, Record, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One event of a stream, or a whole reply: they differ in `delta` and `message` alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) model: Str<'a>,
    #[serde(borrow)]
    pub(super) object: Str<'a>,
    #[serde(borrow)]
    pub(super) choices: List<Record<Choice<'a>>>,
    pub(super) usage: Record<Usage>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    pub(super) index: Number,
    #[serde(borrow)]
    pub(super) delta: Record<Delta<'a>>,
    #[serde(borrow)]
    pub(super) message: Record<Delta<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Str<'a>,
    /// Moonshot puts the usage here.
    pub(super) usage: Record<Usage>,
    /// OpenRouter puts an upstream's failure here.
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) refusal: Str<'a>,
    #[serde(borrow)]
    pub(super) reasoning_content: Str<'a>,
    #[serde(borrow)]
    pub(super) reasoning: Str<'a>,
    #[serde(borrow)]
    pub(super) reasoning_text: Str<'a>,
    #[serde(borrow)]
    pub(super) reasoning_details: List<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: List<Record<CallDelta<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallDelta<'a> {
    pub(super) index: Number,
    #[serde(borrow)]
    pub(super) id: Str<'a>,
    #[serde(borrow)]
    pub(super) function: Record<Function<'a>>,
    /// Gemini's compatible endpoint wants this back with the call.
    #[serde(borrow)]
    pub(super) extra_content: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Str<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
}

/// A part of content that is a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Str<'a>,
    #[serde(borrow)]
    pub(super) text: Str<'a>,
    #[serde(borrow)]
    pub(super) refusal: Str<'a>,
    /// Mistral's reasoning: a list of text parts.
    #[serde(borrow)]
    pub(super) thinking: List<Record<Part<'a>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: Number,
    pub(super) completion_tokens: Number,
    pub(super) total_tokens: Number,
    pub(super) prompt_tokens_details: Record<PromptDetails>,
    pub(super) completion_tokens_details: Record<CompletionDetails>,
    /// DeepSeek's name for cached tokens.
    pub(super) prompt_cache_hit_tokens: Number,
    /// Kimi's name for cached tokens.
    pub(super) cached_tokens: Number,
    pub(super) cost: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Number,
    pub(super) cache_write_tokens: Number,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: Number,
}
