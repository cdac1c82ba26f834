//! What the tests share.

use std::fmt::Write;
use std::sync::Arc;

use flue_core::Result;
use flue_core::model::{
    AssistantBlock, Finish, Message, ModelEvent, ModelInfo, ModelRequest, Origin, StopReason, Turn,
};
use flue_models_kit::{Codec, ReplyFormat, decode};
use flue_models_openai::{CHAT_API, ChatCodec, Compat, RESPONSES_API, ResponsesCodec};
use serde_json::Value;

pub(crate) fn chat(compat: Compat) -> ChatCodec {
    ChatCodec::new(ModelInfo::new("test", CHAT_API, "m"), compat)
}

pub(crate) fn responses() -> ResponsesCodec {
    ResponsesCodec::new(ModelInfo::new("openai", RESPONSES_API, "gpt-5.5"))
}

/// A stream of these events, as it would be sent.
pub(crate) fn stream(events: &[&str]) -> Vec<u8> {
    events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>().into_bytes()
}

pub(crate) fn events(codec: &dyn Codec, events: &[&str]) -> Result<Vec<ModelEvent>> {
    decode(codec, ReplyFormat::Events, &[&stream(events)])
}

pub(crate) fn turn_of(events: Vec<ModelEvent>) -> Turn {
    let mut content = Vec::new();
    let mut finish = None;
    for event in events {
        match event {
            ModelEvent::Block(block) => content.push(block),
            ModelEvent::Finished(end) => finish = Some(end),
            _ => {}
        }
    }
    Turn { content, finish: finish.unwrap() }
}

pub(crate) fn turn(codec: &dyn Codec, lines: &[&str]) -> Turn {
    turn_of(events(codec, lines).unwrap())
}

/// Calls as `id name arguments`, malformed ones with `!`.
pub(crate) fn calls(turn: &Turn) -> Vec<String> {
    let calls = turn.content.iter().filter_map(|block| match block {
        AssistantBlock::ToolCall(call) => Some(match &call.malformed {
            None => format!("{} {} {}", call.id, call.name, call.arguments),
            Some(malformed) => format!("{} {} !{malformed}", call.id, call.name),
        }),
        _ => None,
    });
    calls.collect()
}

pub(crate) fn text(turn: &Turn) -> String {
    turn.content
        .iter()
        .filter_map(|b| if let AssistantBlock::Text(t) = b { Some(t.text.as_str()) } else { None })
        .collect()
}

pub(crate) fn thinking(turn: &Turn) -> String {
    let texts =
        turn.content.iter().filter_map(|b| if let AssistantBlock::Thinking(t) = b { Some(&*t.text) } else { None });
    texts.collect()
}

/// Events as lines, for snapshots.
pub(crate) fn render(events: &[ModelEvent]) -> String {
    let mut out = String::new();
    let native = |native: &Option<flue_core::model::NativeItem>| {
        native.as_ref().map_or(String::new(), |native| format!("  <{}> {}", native.kind, native.data))
    };
    for event in events {
        let line = match event {
            ModelEvent::TextDelta(text) => format!("text+ {text:?}"),
            ModelEvent::ThinkingDelta(text) => format!("thinking+ {text:?}"),
            ModelEvent::ToolCallDelta { id, name, arguments } => format!("call+ {id} {name} {arguments:?}"),
            ModelEvent::Block(AssistantBlock::Text(text)) => format!("TEXT {:?}{}", text.text, native(&text.native)),
            ModelEvent::Block(AssistantBlock::Thinking(t)) => format!("THINKING {:?}{}", t.text, native(&t.native)),
            ModelEvent::Block(AssistantBlock::ToolCall(call)) => {
                let malformed = call.malformed.as_ref().map_or(String::new(), |text| format!(" malformed {text:?}"));
                format!("CALL {} {} {}{malformed}{}", call.id, call.name, call.arguments, native(&call.native))
            }
            ModelEvent::Finished(finish) => end(finish),
            other => format!("{other:?}"),
        };
        writeln!(out, "{line}").unwrap();
    }
    out
}

fn end(finish: &Finish) -> String {
    let usage = &finish.usage;
    let mut line = format!("END {:?}", finish.stop);
    for (name, tokens) in [
        ("input", usage.input),
        ("read", usage.cache_read),
        ("written", usage.cache_write),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    ] {
        write!(line, " {name}={tokens}").unwrap();
    }
    if let Some(cost) = usage.cost {
        write!(line, " cost={}", cost.total).unwrap();
    }
    let facts = [("id", &finish.response_id), ("model", &finish.response_model), ("detail", &finish.detail)];
    for (name, fact) in facts.into_iter().filter_map(|(name, fact)| Some((name, fact.as_ref()?))) {
        write!(line, " {name}={fact}").unwrap();
    }
    line
}

/// What a codec sends for a request, as pretty JSON.
pub(crate) fn sent(codec: &dyn Codec, request: &ModelRequest) -> String {
    let wire = codec.encode(request).unwrap();
    let body: Value = serde_json::from_slice(&wire.body).unwrap();
    format!("POST {}\n{}", wire.path, serde_json::to_string_pretty(&body).unwrap())
}

pub(crate) fn body(codec: &dyn Codec, request: &ModelRequest) -> Value {
    serde_json::from_slice(&codec.encode(request).unwrap().body).unwrap()
}

/// A message of the model that `origin` names.
pub(crate) fn said(origin: &Origin, content: Vec<AssistantBlock>) -> Arc<Message> {
    let turn = Turn { content, finish: Finish::new(StopReason::End, Default::default()) };
    Message::new(turn.into_assistant(origin.clone()))
}
