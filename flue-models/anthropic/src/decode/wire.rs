//! The reply's JSON. Everything may be missing, and nothing unknown is refused.

use flue_core::model::Usage;
use flue_models_kit::json::{Count, Str};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event of which only the type matters.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
}

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(default)]
    pub(super) index: Count,
    #[serde(borrow, default)]
    pub(super) message: Option<StartedMessage<'a>>,
    #[serde(borrow, default)]
    pub(super) content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(default)]
    pub(super) usage: Option<UsagePart>,
}

#[derive(Deserialize)]
pub(super) struct StartedMessage<'a> {
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) model: Str<'a>,
    #[serde(default)]
    pub(super) usage: Option<UsagePart>,
}

/// Of a block or of the message.
#[derive(Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) text: Str<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: Str<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Str<'a>,
    #[serde(borrow, default)]
    pub(super) partial_json: Str<'a>,
    #[serde(borrow, default)]
    pub(super) stop_reason: Str<'a>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) stop_details: StopDetails<'a>,
}

#[derive(Default, Deserialize)]
pub(super) struct StopDetails<'a> {
    #[serde(borrow, default)]
    pub(super) category: Str<'a>,
    #[serde(borrow, default)]
    pub(super) explanation: Str<'a>,
}

/// A block as it begins, or whole.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) name: Str<'a>,
    #[serde(borrow, default)]
    pub(super) text: Str<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: Str<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Str<'a>,
    #[serde(borrow, default)]
    pub(super) data: Str<'a>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
}

/// A whole reply.
#[derive(Deserialize)]
pub(super) struct Reply<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Str<'a>,
    #[serde(borrow, default)]
    pub(super) id: Str<'a>,
    #[serde(borrow, default)]
    pub(super) model: Str<'a>,
    #[serde(borrow, default)]
    pub(super) content: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) stop_reason: Str<'a>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) stop_details: StopDetails<'a>,
    #[serde(default)]
    pub(super) usage: Option<UsagePart>,
}

/// What a usage object says; partial, and cumulative: only what is there counts.
#[derive(Default, Deserialize)]
pub(super) struct UsagePart {
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
    #[serde(default)]
    cache_creation_input_tokens: Count,
    #[serde(default)]
    cache_read_input_tokens: Count,
    #[serde(default)]
    cache_creation: Option<CacheCreation>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
struct CacheCreation {
    #[serde(default)]
    ephemeral_1h_input_tokens: Count,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Count,
}

impl UsagePart {
    pub(super) fn update(&self, usage: &mut Usage) {
        self.input_tokens.update(&mut usage.input);
        self.output_tokens.update(&mut usage.output);
        self.cache_creation_input_tokens.update(&mut usage.cache_write);
        self.cache_read_input_tokens.update(&mut usage.cache_read);
        if let Some(creation) = &self.cache_creation {
            creation.ephemeral_1h_input_tokens.update(&mut usage.cache_write_1h);
        }
        if let Some(details) = &self.output_tokens_details {
            details.thinking_tokens.update(&mut usage.reasoning);
        }
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
