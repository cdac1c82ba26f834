//! Tool calls put together from pieces that servers number and name in their own ways.
//!
//! Seen in the wild: `index` missing, or 0 for every call; `id` missing, empty, on the first piece or on all of them, or
//! the same for two calls; the name on the first piece or on all; arguments in pieces, whole, or as an object.

use flue_core::model::{AssistantBlock, ModelEvent, NativeItem, Origin, ToolCall};
use flue_core::{Error, ErrorKind, Result};

use super::native::EXTRA_CONTENT;
use super::wire::CallDelta;
use flue_models_kit::json::text_of;

/// The most calls that one turn may make.
pub(super) const MAX_CALLS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Slot>);

#[derive(Debug, Default)]
struct Slot {
    index: Option<u64>,
    /// The server's id; empty until it gives one.
    given_id: String,
    /// The call's id, unique in the message.
    id: String,
    name: String,
    arguments: String,
    extent: Extent,
    extra_content: Option<String>,
    /// How many bytes of the arguments were shown; nothing is shown before the name is known.
    shown: Option<usize>,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one piece of a call in the response `response_id`.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] for more than [`MAX_CALLS`].
    pub(super) fn take(
        &mut self,
        delta: &CallDelta<'_>,
        response_id: Option<&str>,
        out: &mut Vec<ModelEvent>,
    ) -> Result<()> {
        let function = delta.function.0.as_ref();
        let name = function.map_or("", |function| &*function.name);
        let arguments = text_of(function.and_then(|function| function.arguments));
        let at = match self.find(delta, name, &arguments) {
            Some(at) => at,
            None => self.open(&delta.id, response_id)?,
        };
        let slot = &mut self.0[at];
        if slot.given_id.is_empty() {
            slot.given_id.push_str(&delta.id);
        }
        slot.index = slot.index.or(delta.index.count());
        if slot.name.is_empty() {
            slot.name.push_str(name);
        }
        slot.arguments.push_str(&arguments);
        slot.extent.feed(&arguments);
        if let Some(extra) = delta.extra_content {
            slot.extra_content = Some(extra.get().to_owned());
        }
        slot.show(out);
        Ok(())
    }

    /// Where a piece belongs: the latest call that neither its index nor its id contradicts.
    fn find(&self, delta: &CallDelta<'_>, name: &str, arguments: &str) -> Option<usize> {
        let (index, id) = (delta.index.count(), &*delta.id);
        let at = self.0.iter().rposition(|slot| {
            (index.is_none() || slot.index.is_none() || slot.index == index)
                && (id.is_empty() || slot.given_id.is_empty() || slot.given_id == id)
        })?;
        let slot = &self.0[at];
        // Without an id, a name with arguments after complete arguments can only be the next call.
        let next_call = id.is_empty() && !name.is_empty() && !arguments.is_empty() && slot.extent.closed;
        // A first id belongs to a call without one only while that call has no name.
        let next_id = index.is_none() && !id.is_empty() && slot.given_id.is_empty() && !slot.name.is_empty();
        (!next_call && !next_id).then_some(at)
    }

    fn open(&mut self, given_id: &str, response_id: Option<&str>) -> Result<usize> {
        if self.0.len() == MAX_CALLS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                "read model stream",
                "the model makes too many tool calls",
            )
            .with("limit", MAX_CALLS));
        }
        let taken = self.0.iter().any(|slot| slot.id == given_id);
        let id = if given_id.is_empty() || taken {
            // Unique in the message, and as unique in the conversation as the server's own ids are.
            match response_id {
                Some(response) => format!("call_{response}_{}", self.0.len()),
                None => format!("call_{}", self.0.len()),
            }
        } else {
            given_id.to_owned()
        };
        self.0.push(Slot { given_id: given_id.to_owned(), id, ..Slot::default() });
        Ok(self.0.len() - 1)
    }

    pub(super) fn finish(self, origin: &Origin) -> impl Iterator<Item = AssistantBlock> {
        self.0.into_iter().map(move |slot| AssistantBlock::ToolCall(slot.finish(origin)))
    }
}

impl Slot {
    fn show(&mut self, out: &mut Vec<ModelEvent>) {
        if self.name.is_empty() || self.shown == Some(self.arguments.len()) {
            return;
        }
        let arguments = self.arguments[self.shown.unwrap_or(0)..].to_owned();
        self.shown = Some(self.arguments.len());
        out.push(ModelEvent::ToolCallDelta { id: self.id.clone(), name: self.name.clone(), arguments });
    }

    fn finish(self, origin: &Origin) -> ToolCall {
        let (name, arguments) = match split_name(&self.name) {
            Some((name, inside)) if self.arguments.trim().is_empty() => (name, inside),
            _ => (&*self.name, &*self.arguments),
        };
        let mut call = ToolCall::new(self.id, name, arguments);
        call.native = self.extra_content.map(|data| NativeItem {
            origin: origin.clone(),
            kind: EXTRA_CONTENT.into(),
            data: data.into(),
        });
        call
    }
}

/// Name and arguments of a call whose model wrote `name{"key":…}` or `name={"key":…}` where the name belongs.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let (before, _) = name.split_once('{')?;
    let arguments = &name[before.len()..];
    serde_json::from_str::<serde::de::IgnoredAny>(arguments).ok()?;
    Some((before.trim_end_matches('=').trim(), arguments))
}

/// Follows a JSON object to its end, piece by piece, in time linear in the text.
#[derive(Debug, Default)]
struct Extent {
    depth: usize,
    in_string: bool,
    escaped: bool,
    closed: bool,
}

impl Extent {
    fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if std::mem::take(&mut self.escaped) => {}
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' if !self.in_string => self.depth += 1,
                b'}' | b']' if !self.in_string => {
                    self.depth = self.depth.saturating_sub(1);
                    self.closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }
}
