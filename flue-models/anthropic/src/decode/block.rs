//! A block while it is written.

use flue_core::model::{AssistantBlock, ModelEvent, NativeItem, Origin, Text, Thinking, ToolCall};
use serde_json::Value;

use super::native;
use super::wire::{Block, Delta};

pub(super) struct Open {
    pub(super) index: Option<u64>,
    pub(super) closed: bool,
    content: Content,
}

enum Content {
    Text(String),
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    ToolUse {
        id: String,
        name: String,
        arguments: String,
    },
    /// A block of another type as it began, and the pieces of its input.
    Other {
        json: String,
        input: String,
    },
}

impl Open {
    /// Takes the beginning of a block, which may be all of it. `id` makes an id for a call that has none.
    pub(super) fn new(
        index: Option<u64>,
        json: &str,
        id: impl FnOnce() -> String,
        out: &mut Vec<ModelEvent>,
    ) -> serde_json::Result<Self> {
        let block: Block<'_> = serde_json::from_str(json)?;
        let content = match &*block.kind {
            "text" => Content::Text(String::new()),
            "thinking" => Content::Thinking { text: String::new(), signature: String::new() },
            "redacted_thinking" => Content::Redacted(block.data.to_string()),
            "tool_use" => Content::ToolUse {
                id: block.id.non_empty().map_or_else(id, str::to_owned),
                name: block.name.to_string(),
                arguments: String::new(),
            },
            _ => Content::Other { json: json.to_owned(), input: String::new() },
        };
        let mut open = Self { index, closed: false, content };
        // Some servers put the first of the text here, and whole replies put all of it.
        let mut begun =
            Delta { text: block.text, thinking: block.thinking, signature: block.signature, ..Delta::default() };
        if let Some(input) = block.input.map(|input| input.get()).filter(|input| !matches!(*input, "{}" | "null"))
            && matches!(open.content, Content::ToolUse { .. })
        {
            begun.partial_json.0 = input.into();
        }
        open.extend(&begun, out);
        Ok(open)
    }

    /// Takes the next piece.
    pub(super) fn extend(&mut self, delta: &Delta<'_>, out: &mut Vec<ModelEvent>) {
        match &mut self.content {
            Content::Text(text) => {
                if let Some(more) = delta.text.non_empty() {
                    text.push_str(more);
                    out.push(ModelEvent::TextDelta(more.to_owned()));
                }
            }
            Content::Thinking { text, signature } => {
                signature.push_str(&delta.signature);
                if let Some(more) = delta.thinking.non_empty() {
                    text.push_str(more);
                    out.push(ModelEvent::ThinkingDelta(more.to_owned()));
                }
            }
            Content::ToolUse { id, name, arguments } => {
                if let Some(more) = delta.partial_json.non_empty() {
                    arguments.push_str(more);
                    out.push(ModelEvent::ToolCallDelta {
                        id: id.clone(),
                        name: name.clone(),
                        arguments: more.to_owned(),
                    });
                }
            }
            Content::Other { input, .. } => input.push_str(&delta.partial_json),
            Content::Redacted(_) => {}
        }
    }

    /// The finished block of a model of `origin`; `None` for one that says nothing.
    pub(super) fn into_block(self, origin: &Origin) -> Option<AssistantBlock> {
        let native =
            |kind: &str, data: String| NativeItem { origin: origin.clone(), kind: kind.to_owned(), data: data.into() };
        match self.content {
            Content::Text(text) if text.is_empty() => None,
            Content::Text(text) => Some(AssistantBlock::Text(Text::new(text))),
            Content::Thinking { text, signature } if text.is_empty() && signature.is_empty() => None,
            Content::Thinking { text, signature } => {
                let native = (!signature.is_empty()).then(|| native(native::SIGNATURE, signature));
                Some(AssistantBlock::Thinking(Thinking { text, native }))
            }
            Content::Redacted(data) => Some(AssistantBlock::Thinking(Thinking {
                text: String::new(),
                native: Some(native(native::REDACTED, data)),
            })),
            Content::ToolUse { id, name, arguments } => {
                Some(AssistantBlock::ToolCall(ToolCall::new(id, name, &arguments)))
            }
            Content::Other { json, input } => {
                Some(AssistantBlock::Native(native(native::BLOCK, with_input(json, &input))))
            }
        }
    }
}

/// A block of JSON with the input that was streamed after it.
fn with_input(json: String, input: &str) -> String {
    if input.is_empty() {
        return json;
    }
    match (serde_json::from_str(&json), serde_json::from_str(input)) {
        (Ok(Value::Object(mut block)), Ok(input)) => {
            block.insert("input".to_owned(), input);
            Value::Object(block).to_string()
        }
        _ => json,
    }
}
