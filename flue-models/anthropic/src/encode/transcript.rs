//! The conversation: kept pieces, joined.

use std::sync::Arc;

use flue_core::model::{Message, ToolResult};
use flue_models_kit::{Item, Target, items};

use super::{CACHE_CONTROL, message};

/// How many user messages are marked for the cache, counted from the end: the last, up to which this turn's prefix is
/// kept, and the one before, up to which the turn before kept it. The tools and the system prompt have the other two of
/// the four marks that a request may have.
const CACHED_MESSAGES: usize = 2;

/// Writes the `messages` array.
pub(super) fn write(out: &mut Vec<u8>, target: &Target, messages: &[Arc<Message>]) {
    out.push(b'[');
    let mut writer =
        Writer { start: out.len(), out, images: target.images, marks: [None; CACHED_MESSAGES], results: None };
    for item in items(messages) {
        match item {
            Item::User(message, user) => {
                let kept = message.wire().get_or_encode(target.wire, || message::user(target, user).into());
                writer.message(&kept, true);
            }
            Item::Assistant(message, assistant) => {
                let kept = message.wire().get_or_encode(target.wire, || message::assistant(target, assistant).into());
                writer.message(&kept, false);
            }
            Item::Result(message, result) => {
                let kept = message.wire().get_or_encode(target.wire, || message::result(target, result).into());
                writer.result(&kept, Some(result));
            }
            Item::Unanswered(call) => writer.result(&message::unanswered(call), None),
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
            self.out.extend_from_slice(br#"{"role":"user","content":["#);
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
