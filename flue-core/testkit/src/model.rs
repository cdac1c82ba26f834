//! The model suite: what every decoder of a provider's stream has to hold, however the network cuts it.
//!
//! It works over a closure from the chunks of one reply to its events, so that a codec needs no socket to be proved.

mod mutate;
mod render;
mod samples;

use flue_core::model::{AssistantBlock, ModelEvent};
use flue_core::{ErrorKind, Result};

pub use self::mutate::mutate;
pub use self::render::render;
pub use self::samples::{conversation, tools, turn};

/// Decodes one whole reply, which arrives in these chunks and then ends.
pub type Decode<'a> = &'a dyn Fn(&[&[u8]]) -> Result<Vec<ModelEvent>>;

/// A recorded reply of a provider.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// What failures call it: its file name.
    pub name: &'a str,
    /// The body, byte for byte. The suite decodes it once for every byte: keep it below some 20 kB.
    pub bytes: &'a [u8],
    /// The text whose last occurrence completes the turn; a reply that ends before it is cut off.
    pub terminal: &'a str,
}

/// Runs the whole suite over a recording of a turn that went well, and gives its events.
///
/// # Panics
/// When the decoder breaks a rule.
pub fn check(recording: Recording<'_>, decode: Decode<'_>) -> Vec<ModelEvent> {
    let events = ends_once(recording, decode);
    deltas_add_up(recording, &events);
    same_at_every_cut(recording, decode, &events);
    fails_when_truncated(recording, decode);
    survives_damage(recording, decode);
    events
}

/// The reply decodes, and its last event is its only [`ModelEvent::Finished`].
///
/// # Panics
/// When it does not.
pub fn ends_once(recording: Recording<'_>, decode: Decode<'_>) -> Vec<ModelEvent> {
    let events = match decode(&[recording.bytes]) {
        Ok(events) => events,
        Err(error) => panic!("{}: the whole reply failed: {error:?}", recording.name),
    };
    assert_one_end(recording.name, &events);
    events
}

/// The reply gives the same events cut in two anywhere, and byte by byte.
///
/// # Panics
/// When it does not.
pub fn same_at_every_cut(recording: Recording<'_>, decode: Decode<'_>, events: &[ModelEvent]) {
    let Recording { name, bytes, .. } = recording;
    let compare = |chunks: &[&[u8]], how: &str| match decode(chunks) {
        Ok(cut) => assert_eq!(cut, events, "{name}: other events when cut {how}"),
        Err(error) => panic!("{name}: failed when cut {how}: {error:?}"),
    };
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        compare(&[head, tail], &format!("at byte {at}"));
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    compare(&single, "into bytes");
}

/// The reply, ended anywhere before its terminal event, is an error of the kind that tells a broken stream, and anywhere
/// after it either the same turn or an error.
///
/// # Panics
/// When it is something else.
pub fn fails_when_truncated(recording: Recording<'_>, decode: Decode<'_>) {
    let Recording { name, bytes, terminal } = recording;
    let terminal = terminal.as_bytes();
    let Some(start) = bytes.windows(terminal.len()).rposition(|window| window == terminal) else {
        panic!("{name}: the terminal text is not in the recording");
    };
    for end in 0..bytes.len() {
        match decode(&[&bytes[..end]]) {
            Ok(events) => {
                assert!(end >= start + terminal.len(), "{name}: taken for complete when cut at byte {end}");
                assert_one_end(name, &events);
            }
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unavailable),
                "{name}: cut at byte {end} is not told as a broken stream: {error:?}"
            ),
        }
    }
}

/// The reply with any one byte damaged, or garbage between its lines, does not panic and does not end twice.
///
/// # Panics
/// When the decoder does, or the reply ends twice.
pub fn survives_damage(recording: Recording<'_>, decode: Decode<'_>) {
    const GARBAGE: [&[u8]; 6] = [
        b"data: {\"type\":\"something_new\",\"index\":9}\n\n",
        b"data: {\n\n",
        b"data: null\n\n",
        b"data: []\n\n",
        b"event: x\ndata: \"text\"\n\n",
        b"\xFF\x00\n\n",
    ];
    let Recording { name, bytes, .. } = recording;
    let survive = |chunks: &[&[u8]]| {
        if let Ok(events) = decode(chunks) {
            assert_one_end(name, &events);
        }
    };
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        for byte in [0xFF, b'"'] {
            damaged[at] = byte;
            survive(&[&damaged]);
        }
        damaged[at] = bytes[at];
    }
    let breaks = bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").map(|(at, _)| at + 2);
    for at in std::iter::once(0).chain(breaks) {
        let (head, tail) = bytes.split_at(at);
        for garbage in GARBAGE {
            survive(&[head, garbage, tail]);
        }
    }
}

/// What was shown piece by piece is what the blocks say: texts, thinking, and the arguments of tool calls.
///
/// # Panics
/// When it is not.
pub fn deltas_add_up(recording: Recording<'_>, events: &[ModelEvent]) {
    let (mut shown, mut said) = (Said::default(), Said::default());
    for event in events {
        match event {
            ModelEvent::TextDelta(delta) => shown.text.push_str(delta),
            ModelEvent::ThinkingDelta(delta) => shown.thinking.push_str(delta),
            ModelEvent::ToolCallDelta { id, arguments, .. } => shown.arguments(id).push_str(arguments),
            ModelEvent::Block(AssistantBlock::Text(text)) => said.text.push_str(&text.text),
            ModelEvent::Block(AssistantBlock::Thinking(thinking)) => said.thinking.push_str(&thinking.text),
            ModelEvent::Block(AssistantBlock::ToolCall(call)) => {
                said.arguments(&call.id).push_str(call.malformed.as_deref().unwrap_or(&call.arguments));
            }
            _ => {}
        }
    }
    for (_, arguments) in &mut shown.calls {
        *arguments = arguments.trim().to_owned();
        if arguments.is_empty() {
            arguments.push_str("{}");
        }
    }
    // A call without arguments may come without a delta.
    said.calls.retain(|(id, arguments)| arguments != "{}" || shown.calls.iter().any(|(shown, _)| shown == id));
    assert_eq!(shown, said, "{}: the deltas are not what the blocks say", recording.name);
}

#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    thinking: String,
    calls: Vec<(String, String)>,
}

impl Said {
    fn arguments(&mut self, id: &str) -> &mut String {
        let at = self.calls.iter().position(|(known, _)| known == id).unwrap_or_else(|| {
            self.calls.push((id.to_owned(), String::new()));
            self.calls.len() - 1
        });
        &mut self.calls[at].1
    }
}

fn assert_one_end(name: &str, events: &[ModelEvent]) {
    let ends = events.iter().filter(|event| matches!(event, ModelEvent::Finished(_))).count();
    assert_eq!(ends, 1, "{name}: the turn ends {ends} times");
    assert!(matches!(events.last(), Some(ModelEvent::Finished(_))), "{name}: something follows the end of the turn");
}
