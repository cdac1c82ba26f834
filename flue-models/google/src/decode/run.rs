//! Text or thinking while it is written: a run of parts of one kind.

use flue_core::model::{AssistantBlock, NativeItem, Origin, Text, Thinking};

use crate::encode::text_part;
use crate::native;

/// A run of parts. Those with a signature are kept apart from their neighbours, as the signature is for them alone.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) thought: bool,
    parts: Vec<(String, Option<String>)>,
}

impl Run {
    pub(super) fn new(thought: bool) -> Self {
        Self { thought, parts: Vec::new() }
    }

    /// Takes the next part.
    pub(super) fn push(&mut self, text: &str, signature: Option<&str>) {
        match (self.parts.last_mut(), signature) {
            (Some((last, None)), None) => last.push_str(text),
            _ => self.parts.push((text.to_owned(), signature.map(str::to_owned))),
        }
    }

    /// The block of a model of `origin`; `None` for one that says nothing.
    pub(super) fn finish(mut self, origin: &Origin) -> Option<AssistantBlock> {
        self.parts.retain(|(text, signature)| !text.is_empty() || signature.is_some());
        let text: String = self.parts.iter().map(|(text, _)| text.as_str()).collect();
        let native =
            |kind: &str, data: &str| NativeItem { origin: origin.clone(), kind: kind.to_owned(), data: data.into() };
        let item = match &self.parts[..] {
            [] => return None,
            [(_, Some(signature))] => Some(native(native::SIGNATURE, signature)),
            parts if parts.iter().any(|(_, signature)| signature.is_some()) => {
                Some(native(native::PARTS, &self.as_json()))
            }
            _ => None,
        };
        Some(match item {
            // Shown to nobody, so that it does not look like an answer.
            Some(_) if text.is_empty() && !self.thought => {
                AssistantBlock::Native(native(native::PART, &self.as_json()))
            }
            native if self.thought => AssistantBlock::Thinking(Thinking { text, native }),
            native => AssistantBlock::Text(Text { text, native }),
        })
    }

    /// The parts, separated by commas.
    fn as_json(&self) -> String {
        let mut json = Vec::new();
        for (index, (text, signature)) in self.parts.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            text_part(&mut json, text, self.thought, signature.as_deref());
        }
        String::from_utf8(json).unwrap_or_default()
    }
}
