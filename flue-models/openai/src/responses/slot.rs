//! One output item while it arrives.

use flue_core::model::{AssistantBlock, ModelEvent, NativeItem, Origin, Text, Thinking, ToolCall};
use flue_models_kit::json::{List, Object, Record, text_of};
use serde_json::value::RawValue;

use super::native::{FUNCTION_CALL, MESSAGE, OUTPUT_ITEM, REASONING_ITEM};
use super::wire::{Item, Part};

/// What parts of a reasoning item are joined with.
const PARAGRAPH: &str = "\n\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    Call,
    Other,
}

impl Kind {
    fn of(item: &Item<'_>) -> Self {
        match &*item.kind {
            "message" => Self::Message,
            "reasoning" => Self::Reasoning,
            "function_call" => Self::Call,
            _ => Self::Other,
        }
    }
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    pub(super) index: Option<u64>,
    pub(super) id: String,
    /// The id that the call's result names; unique in the message.
    call_id: String,
    name: String,
    /// The text, reasoning or arguments so far.
    text: String,
    /// Where the part begins that is arriving.
    part: usize,
    block: Option<AssistantBlock>,
    /// What the model said in declining.
    pub(super) refusal: String,
}

impl Slot {
    pub(super) fn new(kind: Kind, index: Option<u64>, id: &str) -> Self {
        Self {
            kind,
            index,
            id: id.to_owned(),
            call_id: String::new(),
            name: String::new(),
            text: String::new(),
            part: 0,
            block: None,
            refusal: String::new(),
        }
    }

    /// A slot for `item`; `call_id` where it is a call.
    pub(super) fn of(item: &Item<'_>, index: Option<u64>, call_id: String) -> Self {
        Self { call_id, name: item.name.to_string(), ..Self::new(Kind::of(item), index, &item.id) }
    }

    pub(super) fn is_done(&self) -> bool {
        self.block.is_some()
    }

    pub(super) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Takes the next piece of the part that is arriving.
    pub(super) fn delta(&mut self, delta: &str, out: &mut Vec<ModelEvent>) {
        if self.is_done() || delta.is_empty() {
            return;
        }
        if self.kind == Kind::Reasoning && self.part == self.text.len() && self.part > 0 {
            self.push(PARAGRAPH, out);
            self.part = self.text.len();
        }
        self.push(delta, out);
    }

    /// Takes the whole of the part that is arriving; it counts, whatever the pieces said.
    pub(super) fn part_done(&mut self, whole: &str, out: &mut Vec<ModelEvent>) {
        if self.is_done() {
            return;
        }
        if let Some(rest) = whole.strip_prefix(&self.text[self.part..]) {
            self.delta(rest, out);
        } else {
            self.text.truncate(self.part);
            self.text.push_str(whole);
        }
        self.end_part();
    }

    pub(super) fn end_part(&mut self) {
        self.part = self.text.len();
    }

    fn push(&mut self, more: &str, out: &mut Vec<ModelEvent>) {
        self.text.push_str(more);
        match self.kind {
            Kind::Message => out.push(ModelEvent::TextDelta(more.to_owned())),
            Kind::Reasoning => out.push(ModelEvent::ThinkingDelta(more.to_owned())),
            Kind::Call if !self.name.is_empty() => out.push(ModelEvent::ToolCallDelta {
                id: self.call_id.clone(),
                name: self.name.clone(),
                arguments: more.to_owned(),
            }),
            Kind::Call | Kind::Other => {}
        }
    }

    /// Takes the complete item; it counts, whatever came before.
    pub(super) fn done(&mut self, item: &Item<'_>, raw: &RawValue, origin: &Origin, out: &mut Vec<ModelEvent>) {
        if self.is_done() {
            return;
        }
        let native =
            |kind: &str, data: String| NativeItem { origin: origin.clone(), kind: kind.to_owned(), data: data.into() };
        let block = match self.kind {
            Kind::Message => {
                self.refusal = texts(&item.content, "", |part| part.refusal.non_empty());
                self.whole(&texts(&item.content, "", any), out);
                let native = item.id.non_empty().map(|_| native(MESSAGE, message_extras(item)));
                AssistantBlock::Text(Text { text: std::mem::take(&mut self.text), native })
            }
            Kind::Reasoning => {
                let summary = texts(&item.summary, PARAGRAPH, any);
                self.whole(&if summary.is_empty() { texts(&item.content, PARAGRAPH, any) } else { summary }, out);
                let native = Some(native(REASONING_ITEM, raw.get().to_owned()));
                AssistantBlock::Thinking(Thinking { text: std::mem::take(&mut self.text), native })
            }
            Kind::Call => {
                if let Some(name) = item.name.non_empty() {
                    name.clone_into(&mut self.name);
                }
                self.whole(&text_of(item.arguments), out);
                let mut call = ToolCall::new(&*self.call_id, &*self.name, &self.text);
                call.native = item.id.non_empty().map(|id| native(FUNCTION_CALL, id.to_owned()));
                AssistantBlock::ToolCall(call)
            }
            Kind::Other => AssistantBlock::Native(native(OUTPUT_ITEM, raw.get().to_owned())),
        };
        self.block = Some(block);
    }

    /// Takes the text of all parts. An item that has no text leaves the pieces as they are.
    fn whole(&mut self, whole: &str, out: &mut Vec<ModelEvent>) {
        if !whole.is_empty() {
            self.part = 0;
            self.part_done(whole, out);
        }
    }

    /// Takes the item once more, from the end of the response: Azure encrypts reasoning there alone.
    pub(super) fn complete(&mut self, item: &Item<'_>, raw: &RawValue) {
        if let Some(AssistantBlock::Thinking(thinking)) = &mut self.block
            && let Some(native) = &mut thinking.native
            && item.encrypted_content.non_empty().is_some()
            && !serde_json::from_str::<Item<'_>>(&native.data).is_ok_and(|i| i.encrypted_content.non_empty().is_some())
        {
            native.data = raw.get().into();
        }
    }

    /// The block; of an item that never came complete, what came of it. Calls among those are not to be run: their
    /// turn stopped at its output limit.
    pub(super) fn finish(self) -> Option<AssistantBlock> {
        let block = self.block.or(match self.kind {
            Kind::Message => Some(AssistantBlock::Text(Text::new(self.text))),
            Kind::Reasoning => Some(AssistantBlock::Thinking(Thinking { text: self.text, native: None })),
            Kind::Call if self.name.is_empty() => None,
            Kind::Call => Some(AssistantBlock::ToolCall(ToolCall::new(self.call_id, self.name, &self.text))),
            Kind::Other => None,
        })?;
        let empty = matches!(&block, AssistantBlock::Text(text) if text.text.is_empty())
            || matches!(&block, AssistantBlock::Thinking(t) if t.text.is_empty() && t.native.is_none());
        (!empty).then_some(block)
    }
}

fn texts(
    parts: &List<Record<Part<'_>>>,
    separator: &str,
    of: impl for<'a> Fn(&'a Part<'_>) -> Option<&'a str>,
) -> String {
    let texts: Vec<&str> = parts.0.iter().filter_map(|part| part.0.as_ref()).filter_map(of).collect();
    texts.join(separator)
}

fn any<'a>(part: &'a Part<'_>) -> Option<&'a str> {
    part.text.non_empty().or(part.refusal.non_empty())
}

fn message_extras(item: &Item<'_>) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out).text("id", &item.id);
    if let Some(phase) = item.phase.non_empty() {
        object = object.text("phase", phase);
    }
    object.end();
    String::from_utf8(out).unwrap_or_default()
}
