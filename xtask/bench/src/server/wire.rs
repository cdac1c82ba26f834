//! The Anthropic Messages wire: what is read of a request, and the events of an answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::script::{ANSWER, Step, Tool};

/// Characters of a piece of text: about a token.
const TEXT_PIECE: usize = 4;
/// Characters of a piece of a tool's input.
const INPUT_PIECE: usize = 12;
/// The longest name of a run.
const MAX_RUN: usize = 200;

/// What is known of a request.
pub(super) struct Asked {
    pub(super) model: String,
    /// How many tool results it has.
    pub(super) turn: usize,
    pub(super) tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Request<'a> {
    model: String,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// Reads a request's body.
pub(super) fn read(body: &[u8]) -> Result<Asked, String> {
    let unreadable = |error: serde_json::Error| format!("not a request: {error}");
    let request: Request<'_> = serde_json::from_slice(body).map_err(unreadable)?;
    let mut turn = 0;
    for message in &request.messages {
        let content = message.content.get();
        if content.starts_with('[') {
            let blocks: Vec<Block<'_>> = serde_json::from_str(content).map_err(unreadable)?;
            turn += blocks.iter().filter(|block| block.kind == "tool_result").count();
        }
    }
    Ok(Asked { model: request.model, turn, tools: request.tools })
}

/// The run that the prompt names as `[run:ID]`; `-` when it names none.
pub(super) fn run_of(body: &[u8]) -> String {
    const OPEN: &[u8] = b"[run:";
    let start = body.windows(OPEN.len()).position(|window| window == OPEN).map(|at| at + OPEN.len());
    let name = start.and_then(|start| body[start..].split(|byte| *byte == b']').next());
    let name = name.filter(|name| name.len() <= MAX_RUN).and_then(|name| std::str::from_utf8(name).ok());
    name.unwrap_or("-").to_owned()
}

/// The body of a refusal.
pub(super) fn error(why: &str) -> String {
    json!({"type": "error", "error": {"type": "invalid_request_error", "message": why}}).to_string()
}

/// The events of an answer to a request of `sent` bytes. Written by hand: the order of the fields is the provider's, which
/// readers may be quicker with.
pub(super) fn events(asked: &Asked, step: &Step, id: &str, sent: usize) -> Vec<String> {
    let (model, input) = (json!(asked.model), sent / TEXT_PIECE);
    let mut events = vec![event(
        "message_start",
        &format!(
            r#""message":{{"id":"msg_{id}","type":"message","role":"assistant","model":{model},"content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":{input},"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}}"#
        ),
    )];
    let text = match step {
        Step::Call { says, .. } => says,
        Step::Answer => ANSWER,
    };
    block(&mut events, 0, r#""type":"text","text":"""#, &pieces(text, TEXT_PIECE), r#""type":"text_delta","text""#);
    let (mut stop, mut output) = ("end_turn", text.len());
    if let Step::Call { tool, input, .. } = step {
        let start = format!(r#""type":"tool_use","id":"toolu_{id}","name":{},"input":{{}}"#, json!(tool));
        let delta = r#""type":"input_json_delta","partial_json""#;
        block(&mut events, 1, &start, &pieces(input, INPUT_PIECE), delta);
        stop = "tool_use";
        output += input.len();
    }
    let output = output / TEXT_PIECE;
    let delta =
        format!(r#""delta":{{"stop_reason":"{stop}","stop_sequence":null}},"usage":{{"output_tokens":{output}}}"#);
    events.push(event("message_delta", &delta));
    events.push("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned());
    events
}

/// One block of content. `delta` is the start of each piece's object, up to the name of its last field.
fn block(events: &mut Vec<String>, index: usize, start: &str, pieces: &[String], delta: &str) {
    events.push(event("content_block_start", &format!(r#""index":{index},"content_block":{{{start}}}"#)));
    for piece in pieces {
        let delta = format!(r#""index":{index},"delta":{{{delta}:{}}}"#, json!(piece));
        events.push(event("content_block_delta", &delta));
    }
    events.push(event("content_block_stop", &format!(r#""index":{index}"#)));
}

fn event(kind: &str, fields: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{fields}}}\n\n")
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_results_and_not_by_words() {
        let body = json!({"model": "scripted", "messages": [
            {"role": "user", "content": "say \"type\":\"tool_result\" [run:a-1]"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "read", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "[run:b]"}]},
        ]});
        let body = body.to_string();
        assert_eq!(read(body.as_bytes()).map(|asked| asked.turn), Ok(1));
        assert_eq!(run_of(body.as_bytes()), "a-1");
        assert!(read(b"{").is_err_and(|why| why.starts_with("not a request")));
        assert_eq!(run_of(b"{}"), "-");
    }

    #[test]
    fn an_answer_has_the_shape_of_the_wire() {
        let asked = Asked { model: "scripted".into(), turn: 0, tools: Vec::new() };
        let step = Step::Call { says: "Hello you".into(), tool: "read".into(), input: "{}".into() };
        let events = events(&asked, &step, "1", 40);
        let kinds: Vec<&str> =
            events.iter().filter_map(|event| event.lines().next()?.strip_prefix("event: ")).collect();
        let (start, piece, stop) = ("content_block_start", "content_block_delta", "content_block_stop");
        let expected =
            ["message_start", start, piece, piece, piece, stop, start, piece, stop, "message_delta", "message_stop"];
        assert_eq!(kinds, expected);
        for (event, kind) in events.iter().zip(kinds) {
            let data = event.trim_end().rsplit("data: ").next().unwrap_or_default();
            let data: serde_json::Value = serde_json::from_str(data).unwrap();
            assert_eq!(data["type"], kind);
        }
    }
}
