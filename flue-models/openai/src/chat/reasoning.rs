//! Reasoning of a chat reply: its text under one of three names, and OpenRouter's `reasoning_details`.

use std::borrow::Cow;

use flue_core::model::{AssistantBlock, ModelEvent, NativeItem, Origin, Thinking};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::native::{REASONING_DETAILS, REASONING_FIELD};
use super::wire::Delta;

/// The names that servers give to the text of reasoning.
pub(super) const FIELDS: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_text"];

#[derive(Debug, Default)]
pub(super) struct Reasoning {
    text: String,
    /// Under which name the server sends the text; it wants it back under the same.
    field: Option<&'static str>,
    details: Vec<Map<String, Value>>,
}

impl Reasoning {
    pub(super) fn take(&mut self, delta: &Delta<'_>, out: &mut Vec<ModelEvent>) {
        let texts = [&delta.reasoning_content, &delta.reasoning, &delta.reasoning_text];
        let named = FIELDS.into_iter().zip(texts).find_map(|(field, text)| Some((field, text.non_empty()?)));
        if let Some((field, text)) = named {
            self.field.get_or_insert(field);
            self.push(text, out);
        }
        for detail in &delta.reasoning_details.0 {
            let Some(detail) = parse(detail) else { continue };
            if named.is_none() {
                self.push(text_key(&detail).and_then(|key| detail.get(key)?.as_str()).unwrap_or_default(), out);
            }
            self.merge(detail);
        }
    }

    pub(super) fn push(&mut self, text: &str, out: &mut Vec<ModelEvent>) {
        if !text.is_empty() {
            self.text.push_str(text);
            out.push(ModelEvent::ThinkingDelta(text.to_owned()));
        }
    }

    /// Adds a detail, or the next piece of the last one.
    fn merge(&mut self, mut detail: Map<String, Value>) {
        let Some(last) = self.details.last_mut().filter(|last| continues(last, &detail)) else {
            return self.details.push(detail);
        };
        if let Some(key) = text_key(&detail)
            && let Some(Value::String(text)) = last.get_mut(key)
            && let Some(more) = detail.remove(key)
        {
            text.push_str(more.as_str().unwrap_or_default());
        }
        // The rest of a detail, such as its signature, comes with its last piece.
        last.extend(detail.into_iter().filter(|(_, value)| !value.is_null()));
    }

    pub(super) fn finish(self, origin: &Origin) -> Option<AssistantBlock> {
        let native = |kind: &str, data: Cow<'_, str>| NativeItem {
            origin: origin.clone(),
            kind: kind.into(),
            data: data.into(),
        };
        let native = if !self.details.is_empty() {
            let details = self.details.into_iter().map(Value::Object).collect();
            Some(native(REASONING_DETAILS, Value::Array(details).to_string().into()))
        } else {
            self.field.map(|field| native(REASONING_FIELD, field.into()))
        };
        let empty = self.text.is_empty() && native.is_none();
        (!empty).then_some(AssistantBlock::Thinking(Thinking { text: self.text, native }))
    }
}

fn parse(detail: &RawValue) -> Option<Map<String, Value>> {
    serde_json::from_str(detail.get()).ok()
}

/// Which key of a detail holds text that comes in pieces.
fn text_key(detail: &Map<String, Value>) -> Option<&'static str> {
    match detail.get("type")?.as_str()? {
        "reasoning.text" => Some("text"),
        "reasoning.summary" => Some("summary"),
        _ => None,
    }
}

/// Whether `next` is a further piece of `last`: the pieces of one text follow each other, agree on what they name, and
/// end with a signature where there is one.
fn continues(last: &Map<String, Value>, next: &Map<String, Value>) -> bool {
    let given = |detail: &Map<String, Value>, key| detail.get(key).filter(|value| !value.is_null()).cloned();
    let agree = |key| match (given(last, key), given(next, key)) {
        (Some(last), Some(next)) => last == next,
        _ => true,
    };
    text_key(next).is_some()
        && text_key(last) == text_key(next)
        && agree("index")
        && agree("id")
        && given(last, "signature").is_none()
}
