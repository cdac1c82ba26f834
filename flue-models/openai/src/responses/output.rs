//! The output items of one response.

use flue_core::model::{AssistantBlock, ModelEvent, Origin};
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::json::text_of;
use serde_json::value::RawValue;

use super::slot::{Kind, Slot};
use super::wire::{Event, Item};

/// The most items that one response may have.
pub(super) const MAX_ITEMS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Output(Vec<Slot>);

impl Output {
    /// The item that an event is about, opened if need be. Events name it by `output_index`; by `item_id` where a server
    /// leaves the index out; and where both are missing it is the last one of that kind. The index goes first because
    /// some gateways give an item another id in every event.
    pub(super) fn slot(&mut self, kind: Kind, event: &Event<'_>) -> Result<&mut Slot> {
        let (index, id) = (event.output_index.count(), &*event.item_id);
        match self.find(index, id, kind) {
            Some(at) => Ok(&mut self.0[at]),
            None => self.push(Slot::new(kind, index, id)),
        }
    }

    fn find(&self, index: Option<u64>, id: &str, kind: Kind) -> Option<usize> {
        let alike = |slot: &Slot| slot.kind == kind;
        if index.is_some() {
            self.0.iter().rposition(|slot| slot.index == index && alike(slot))
        } else if !id.is_empty() {
            let named = self.0.iter().rposition(|slot| slot.id == id && alike(slot));
            named.or_else(|| self.0.iter().rposition(|slot| slot.id.is_empty() && !slot.is_done() && alike(slot)))
        } else {
            self.0.iter().rposition(|slot| !slot.is_done() && alike(slot))
        }
    }

    /// Opens the slot of an item that is about to come.
    pub(super) fn added(&mut self, raw: &RawValue, index: Option<u64>, out: &mut Vec<ModelEvent>) -> Result<()> {
        let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get()) else { return Ok(()) };
        let call_id = self.call_id(&item);
        let slot = self.push(Slot::of(&item, index, call_id))?;
        if slot.kind == Kind::Call {
            slot.delta(&text_of(item.arguments), out);
        }
        Ok(())
    }

    /// Takes a complete item.
    pub(super) fn done(
        &mut self,
        raw: &RawValue,
        index: Option<u64>,
        origin: &Origin,
        out: &mut Vec<ModelEvent>,
    ) -> Result<()> {
        let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get()) else { return Ok(()) };
        let call_id = self.call_id(&item);
        let opened = Slot::of(&item, index, call_id);
        let slot = match self.find(index, &item.id, opened.kind) {
            Some(at) => &mut self.0[at],
            None => self.push(opened)?,
        };
        if slot.kind == Kind::Call && &*item.status == "incomplete" {
            // The output limit cut it: its arguments end anywhere.
            slot.part_done(&text_of(item.arguments), out);
        } else {
            slot.done(&item, raw, origin, out);
        }
        Ok(())
    }

    /// Takes the items once more, as they stand in the response that ends the stream.
    pub(super) fn complete(&mut self, items: &[&RawValue], origin: &Origin, out: &mut Vec<ModelEvent>) -> Result<()> {
        if self.0.is_empty() {
            return items.iter().try_for_each(|raw| self.done(raw, None, origin, out));
        }
        for raw in items {
            let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get()) else { continue };
            if let Some(slot) = self.0.iter_mut().find(|slot| !slot.id.is_empty() && slot.id == *item.id) {
                slot.complete(&item, raw);
            }
        }
        Ok(())
    }

    /// Whether a call was begun and never completed.
    pub(super) fn has_open_call(&self) -> bool {
        self.0.iter().any(|slot| slot.kind == Kind::Call && !slot.is_done())
    }

    pub(super) fn has_call(&self) -> bool {
        self.0.iter().any(|slot| slot.kind == Kind::Call)
    }

    /// What the model said in declining, if it did.
    pub(super) fn refusal(&self) -> Option<String> {
        self.0.iter().map(|slot| &slot.refusal).find(|refusal| !refusal.is_empty()).cloned()
    }

    pub(super) fn finish(self) -> impl Iterator<Item = AssistantBlock> {
        self.0.into_iter().filter_map(Slot::finish)
    }

    /// An id for a call: the server's, unless it gave none or gave it before.
    fn call_id(&self, item: &Item<'_>) -> String {
        let given = item.call_id.non_empty().or(item.id.non_empty());
        match given.filter(|given| !self.0.iter().any(|slot| slot.call_id() == *given)) {
            Some(given) => given.to_owned(),
            None => format!("call_{}", self.0.len()),
        }
    }

    fn push(&mut self, slot: Slot) -> Result<&mut Slot> {
        if self.0.len() == MAX_ITEMS {
            return Err(Error::new(ErrorKind::LimitExceeded, "read model stream", "the response has too many items")
                .with("limit", MAX_ITEMS));
        }
        self.0.push(slot);
        let last = self.0.len() - 1;
        Ok(&mut self.0[last])
    }
}

/// The error of a response that says it is complete and has a call that is not.
pub(super) fn open_call() -> Error {
    Error::new(ErrorKind::Protocol, "read model stream", "a tool call was begun and never completed")
        .with_retry(Retry::Backoff)
}
