//! The conversation: kept pieces, joined.

use std::sync::Arc;

use bytes::Bytes;
use flue_core::model::{Message, ToolResult};
use flue_models_kit::{Item, items};

use super::{CACHE_POINT, message};
use crate::Converse;

/// How many user messages end in a cache point, counted from the end: the last, and the one that was last a turn ago. The
/// tools and the system prompt have the other two of the four that a request may have.
const CACHED_MESSAGES: usize = 2;

/// What stands before the results of a turn.
const RESULTS: &str = r#"{"role":"user","content":["#;
/// The most that stands around one piece.
const AROUND: &str = r#",{"role":"user","content":[]}"#;
/// The most bytes of all cache points.
const POINTS_BYTES: usize = 128;

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

    fn is_result(&self) -> bool {
        matches!(self, Self::Result(..) | Self::Unanswered(_))
    }
}

/// Encodes what was not encoded before.
pub(super) fn encode<'m>(codec: &Converse, messages: &'m [Arc<Message>]) -> Vec<Encoded<'m>> {
    let kept =
        |message: &Message, encode: &dyn Fn() -> Vec<u8>| message.wire().get_or_encode(codec.target.wire, encode);
    items(messages)
        .map(|item| match item {
            Item::User(message, user) => Encoded::User(kept(message, &|| message::user(&codec.target, user))),
            Item::Assistant(message, assistant) => {
                Encoded::Assistant(kept(message, &|| message::assistant(codec, assistant)))
            }
            Item::Result(message, result) => Encoded::Result(kept(message, &|| message::result(codec, result)), result),
            Item::Unanswered(call) => Encoded::Unanswered(message::unanswered(call)),
        })
        .filter(|message| !message.bytes().is_empty())
        .collect()
}

/// How many bytes [`write()`] takes at most, but for images of failed calls.
pub(super) fn size(messages: &[Encoded<'_>]) -> usize {
    messages.iter().map(|message| message.bytes().len() + AROUND.len()).sum::<usize>() + POINTS_BYTES
}

/// Writes the `messages` array. Roles have to alternate: what follows on results, or on another user's message, joins its
/// message.
pub(super) fn write(out: &mut Vec<u8>, codec: &Converse, messages: &[Encoded<'_>]) {
    out.push(b'[');
    let start = out.len();
    // Where the contents of the last user messages end, the latest first.
    let mut ends: [Option<usize>; CACHED_MESSAGES] = [None; CACHED_MESSAGES];
    let mut rest = messages;
    while let Some(first) = rest.first() {
        if out.len() > start {
            out.push(b',');
        }
        let of_user = |message: &&Encoded<'_>| !matches!(message, Encoded::Assistant(_));
        let count = rest.iter().take_while(of_user).count();
        if count == 0 {
            out.extend_from_slice(first.bytes());
            rest = &rest[1..];
            continue;
        }
        let (said, after) = rest.split_at(count);
        out.extend_from_slice(RESULTS.as_bytes());
        user_content(out, codec, said);
        ends.rotate_right(1);
        ends[0] = Some(out.len());
        out.extend_from_slice(b"]}");
        rest = after;
    }
    if codec.is_claude() {
        // From the back, so that the ends before stay where they are.
        for end in ends.into_iter().flatten() {
            let point = [b",", CACHE_POINT.as_bytes()].concat();
            out.splice(end..end, point);
        }
    }
    out.push(b']');
}

/// The blocks of what a user and the tools say in a row: results first, then what images failed calls gave, then the rest.
fn user_content(out: &mut Vec<u8>, codec: &Converse, said: &[Encoded<'_>]) {
    let begin = out.len();
    let results = said.iter().take_while(|message| message.is_result()).count();
    let separate = |out: &mut Vec<u8>| {
        if out.len() > begin {
            out.push(b',');
        }
    };
    for message in &said[..results] {
        separate(out);
        out.extend_from_slice(message.bytes());
    }
    if codec.is_claude() && codec.target.images {
        for message in &said[..results] {
            if let Encoded::Result(_, result) = message
                && result.is_error
            {
                message::images_after(out, result);
            }
        }
    }
    for message in &said[results..] {
        separate(out);
        let bytes = message.bytes();
        // The content alone of a message that was encoded whole.
        out.extend_from_slice(&bytes[RESULTS.len()..bytes.len() - "]}".len()]);
    }
}
