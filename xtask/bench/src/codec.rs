//! `codec`: encoding a request and decoding an answer, with neither sockets nor tools around it.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::{
    Assistant, AssistantBlock, Message, ModelRequest, StopReason, Text, ToolCall, ToolResult, Usage, UserBlock,
};
use flue_models_anthropic::{Messages, ModelOptions, PROVIDER};
use flue_models_kit::{Codec, ReplyFormat, decode};

use crate::clock::own_cpu_ns;
use crate::load::Load;
use crate::measure::Bench;
use crate::server::long_answer;
use crate::stats::Spread;
use crate::table::Row;

/// Turns of the conversation that is encoded.
const TURNS: usize = 400;
/// Encodings of one round.
const ENCODINGS: usize = 20;
/// Decodings of one round.
const DECODINGS: usize = 200;
/// Bytes of a piece in which an answer comes: about a packet.
const PIECE_BYTES: usize = 1400;

const DECODE: &str = "a piece of an answer, as a server-sent event, from bytes to what the harness gets";
const ENCODE_NEW: &str =
    "the request of the last of 400 turns, none of which was encoded before, as after loading a session";
const ENCODE: &str = "the same request, all but its last turn encoded before, as in a running session: copying bytes";

/// Measures it.
pub(crate) fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let codec = Messages::new(PROVIDER, "scripted", &ModelOptions::default());
    let document = Load::review(0).document()?;
    let (bytes, events) = long_answer();
    let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(PIECE_BYTES).collect();
    let [mut decoding, mut new, mut kept] = [const { Vec::new() }; 3];
    for _ in 0..bench.rounds() {
        let took = timed(|| (0..DECODINGS).try_for_each(|_| decode(&codec, ReplyFormat::Events, &pieces).map(drop)))?;
        decoding.push(took / count(DECODINGS * events) * 1e3);

        let conversations: Vec<_> = (0..ENCODINGS).map(|_| conversation(&codec, &document)).collect();
        let encode = || conversations.iter().try_for_each(|request| codec.encode(request).map(drop));
        new.push(timed(encode)? / count(ENCODINGS));
        kept.push(timed(encode)? / count(ENCODINGS));
    }
    Ok(vec![
        Row::new("codec: decode an event, µs", Spread::of(decoding), DECODE),
        Row::new("codec: encode 400 turns anew, ms", Spread::of(new), ENCODE_NEW),
        Row::new("codec: encode 400 turns again, ms", Spread::of(kept), ENCODE),
    ])
}

/// A conversation of [`TURNS`] turns that ends with the result of a tool.
fn conversation(codec: &Messages, document: &str) -> ModelRequest {
    let mut messages = vec![Message::user("Review document.md.")];
    for turn in 0..TURNS {
        let call = ToolCall::new(format!("toolu_{turn}"), "read", r#"{"path":"document.md"}"#);
        let result = ToolResult::new(&call, vec![UserBlock::text(document)]);
        let said = Text::new(format!("Step {turn}: reading it again."));
        messages.push(Message::new(Assistant {
            content: vec![AssistantBlock::Text(said), AssistantBlock::ToolCall(call)],
            stop: StopReason::ToolUse,
            origin: codec.info().origin.clone(),
            usage: Usage::default(),
            response_id: None,
            response_model: None,
        }));
        messages.push(Message::new(result));
    }
    let mut request = ModelRequest::new(messages);
    request.system = Arc::from("You are a careful document reviewer.");
    request
}

/// Milliseconds of processor time.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = own_cpu_ns();
    work()?;
    Ok(milliseconds(own_cpu_ns() - before))
}

#[expect(clippy::cast_precision_loss, reason = "times of a measurement are far below 2^52")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn count(count: usize) -> f64 {
    count as f64
}
