//! The conversation: kept pieces, joined.

use std::sync::Arc;

use bytes::Bytes;
use flue_core::model::{Message, ToolResult};
use flue_models_kit::{Item, Target, items};

use super::{CACHE_CONTROL, message};

/// How many user messages are marked for the cache, counted from the end: the last, up to which this turn's prefix is
/// kept, and the one before, up to which the turn before kept it. The tools and the system prompt have the other two of
/// the four marks that a request may have.
const CACHED_MESSAGES: usize = 2;

/// What stands before the results of a turn.
const RESULTS: &str = r#"{"role":"user","content":["#;
/// The most that stands around one piece.
const AROUND: &str = r#",{"role":"user","content":[]}"#;
/// The most bytes of all marks.
const MARKS_BYTES: usize = 128;

/// A message to write, encoded.
pub(super) enum Encoded<'m> {
    User(Bytes),
    Assistant(Bytes),
    Result(Bytes, &'m ToolResult),
    Unanswered(Vec<u8>),
}

impl Encoded<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::User(bytes) | Self::Assistant(bytes) | Self::Result(bytes, _) => bytes,
            Self::Unanswered(bytes) => bytes,
        }
    }
}

/// Encodes what was not encoded before.
pub(super) fn encode<'m>(target: &Target, messages: &'m [Arc<Message>]) -> Vec<Encoded<'m>> {
    let kept = |message: &Message, encode: &dyn Fn() -> Vec<u8>| message.wire().get_or_encode(target.wire, encode);
    items(messages)
        .map(|item| match item {
            Item::User(message, user) => Encoded::User(kept(message, &|| message::user(target, user))),
            Item::Assistant(message, assistant) => {
                Encoded::Assistant(kept(message, &|| message::assistant(target, assistant)))
            }
            Item::Result(message, result) => {
                Encoded::Result(kept(message, &|| message::result(target, result)), result)
            }
            Item::Unanswered(call) => Encoded::Unanswered(message::unanswered(call)),
        })
        .collect()
}

/// How many bytes [`write()`] takes at most, but for images of failed calls.
pub(super) fn size(messages: &[Encoded<'_>]) -> usize {
    messages.iter().map(|message| message.bytes().len() + AROUND.len()).sum::<usize>() + MARKS_BYTES
}

/// Writes the `messages` array.
pub(super) fn write(out: &mut Vec<u8>, target: &Target, messages: &[Encoded<'_>]) {
    out.push(b'[');
    let mut writer =
        Writer { start: out.len(), out, images: target.images, marks: [None; CACHED_MESSAGES], results: None };
    for message in messages {
        match message {
            Encoded::User(json) => writer.message(json, true),
            Encoded::Assistant(json) => writer.message(json, false),
            Encoded::Result(json, result) => writer.result(json, Some(result)),
            Encoded::Unanswered(json) => writer.result(json, None),
        }
    }
    writer.end();
}

struct Writer<'o, 'm> {
    out: &'o mut Vec<u8>,
    /// Where the items begin.
    start: usize,
    images: bool,
    /// Where the last blocks of the last user messages end, the latest first: at their closing brace.
    marks: [Option<usize>; CACHED_MESSAGES],
    /// The open message of results, and those whose images are to follow when all results are written.
    results: Option<Vec<&'m ToolResult>>,
}

impl<'m> Writer<'_, 'm> {
    fn message(&mut self, json: &[u8], user: bool) {
        self.close_results();
        if json.is_empty() {
            return;
        }
        self.separate();
        self.out.extend_from_slice(json);
        if user {
            self.mark(self.out.len() - "}]}".len());
        }
    }

    fn result(&mut self, json: &[u8], result: Option<&'m ToolResult>) {
        if self.results.is_none() {
            self.separate();
            self.out.extend_from_slice(RESULTS.as_bytes());
        } else {
            self.out.push(b',');
        }
        self.out.extend_from_slice(json);
        // The protocol takes nothing but text in the result of a failed call.
        let later = result.filter(|result| self.images && result.is_error);
        self.results.get_or_insert_default().extend(later);
    }

    fn close_results(&mut self) {
        let Some(results) = self.results.take() else { return };
        for result in results {
            message::images_after(self.out, result);
        }
        self.mark(self.out.len() - 1);
        self.out.extend_from_slice(b"]}");
    }

    fn separate(&mut self) {
        if self.out.len() > self.start {
            self.out.push(b',');
        }
    }

    fn mark(&mut self, end_of_block: usize) {
        self.marks.rotate_right(1);
        self.marks[0] = Some(end_of_block);
    }

    fn end(mut self) {
        self.close_results();
        let field = [br#","cache_control":"#, CACHE_CONTROL.as_bytes()].concat();
        // From the back, so that the marks before stay where they are.
        for mark in self.marks.into_iter().flatten() {
            self.out.splice(mark..mark, field.iter().copied());
        }
        self.out.push(b']');
    }
}
