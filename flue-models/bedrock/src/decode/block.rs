//! A block while it is written. Blocks of text and reasoning have no beginning of their own: the first piece tells.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flue_core::model::{AssistantBlock, ModelEvent, NativeItem, Origin, Text, Thinking, ToolCall};
use flue_models_kit::json::text_of;

use super::native;
use super::wire::{Delta, Reasoning, ToolUse};

#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) closed: bool,
    text: String,
    thinking: String,
    signature: String,
    /// What the provider encrypted, in base64, piece by piece.
    redacted: Vec<String>,
    call: Option<Call>,
    other: Option<String>,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl Open {
    /// Takes the beginning of a call. `id` makes an id for one that has none.
    pub(super) fn begin(&mut self, call: &ToolUse<'_>, id: impl FnOnce() -> String) {
        let id = call.tool_use_id.non_empty().map_or_else(id, str::to_owned);
        self.call = Some(Call { id, name: call.name.to_string(), arguments: String::new() });
    }

    /// Takes a block that has no neutral form, as JSON.
    pub(super) fn other(&mut self, json: &str) {
        self.other = Some(json.to_owned());
    }

    pub(super) fn is_call(&self) -> bool {
        self.call.is_some()
    }

    /// Takes the next piece.
    pub(super) fn extend(&mut self, delta: &Delta<'_>, out: &mut Vec<ModelEvent>) {
        if let Some(more) = delta.text.as_ref().and_then(|text| text.non_empty()) {
            self.text.push_str(more);
            out.push(ModelEvent::TextDelta(more.to_owned()));
        }
        if let Some(reasoning) = &delta.reasoning_content.0 {
            self.think(reasoning, out);
        }
        if let (Some(piece), Some(call)) = (&delta.tool_use.0, &mut self.call) {
            let more = text_of(piece.input);
            if !more.is_empty() {
                call.arguments.push_str(&more);
                out.push(ModelEvent::ToolCallDelta {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: more.into_owned(),
                });
            }
        }
    }

    fn think(&mut self, reasoning: &Reasoning<'_>, out: &mut Vec<ModelEvent>) {
        let whole = reasoning.reasoning_text.0.as_ref();
        let texts = [Some(&reasoning.text), whole.map(|whole| &whole.text)];
        for more in texts.into_iter().flatten().filter_map(|text| text.non_empty()) {
            self.thinking.push_str(more);
            out.push(ModelEvent::ThinkingDelta(more.to_owned()));
        }
        self.signature.push_str(&reasoning.signature);
        self.signature.push_str(whole.map_or("", |whole| &whole.signature));
        self.redacted.extend(reasoning.redacted_content.non_empty().map(str::to_owned));
    }

    /// The finished blocks of a model of `origin`; none for one that says nothing.
    pub(super) fn finish(self, origin: &Origin) -> impl Iterator<Item = AssistantBlock> {
        let native = |kind: &str, data: &str| {
            Some(NativeItem { origin: origin.clone(), kind: kind.to_owned(), data: data.into() })
        };
        let thinking = (!self.thinking.is_empty() || !self.signature.is_empty()).then(|| {
            let native = if self.signature.is_empty() { None } else { native(native::SIGNATURE, &self.signature) };
            AssistantBlock::Thinking(Thinking { text: self.thinking, native })
        });
        let redacted = (!self.redacted.is_empty()).then(|| {
            let data = joined(self.redacted);
            AssistantBlock::Thinking(Thinking { text: String::new(), native: native(native::REDACTED, &data) })
        });
        let text = (!self.text.is_empty()).then(|| AssistantBlock::Text(Text::new(self.text)));
        let call = self.call.map(|call| AssistantBlock::ToolCall(ToolCall::new(call.id, call.name, &call.arguments)));
        let other = self.other.and_then(|json| native(native::BLOCK, &json)).map(AssistantBlock::Native);
        [thinking, redacted, text, call, other].into_iter().flatten()
    }
}

/// The base64 of what these pieces encode together. Each is padded by itself.
fn joined(mut pieces: Vec<String>) -> String {
    if pieces.len() == 1 {
        return pieces.remove(0);
    }
    let decoded: Result<Vec<Vec<u8>>, _> = pieces.iter().map(|piece| STANDARD.decode(piece)).collect();
    match decoded {
        Ok(bytes) => STANDARD.encode(bytes.concat()),
        Err(_) => pieces.concat(),
    }
}
