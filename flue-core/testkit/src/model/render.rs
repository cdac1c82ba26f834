//! Events as text.

use std::fmt::Write as _;

use flue_core::model::{AssistantBlock, Finish, ModelEvent, NativeItem};

/// One line an event, with everything that it holds: what a snapshot shows best.
pub fn render(events: &[ModelEvent]) -> String {
    let mut out = String::new();
    for event in events {
        let _ = writeln!(out, "{}", line(event));
    }
    out
}

fn line(event: &ModelEvent) -> String {
    let native = |native: &Option<NativeItem>| match native {
        Some(native) => format!("  <{}> {}", native.kind, native.data),
        None => String::new(),
    };
    match event {
        ModelEvent::TextDelta(text) => format!("text+ {text:?}"),
        ModelEvent::ThinkingDelta(text) => format!("thinking+ {text:?}"),
        ModelEvent::ToolCallDelta { id, name, arguments } => format!("call+ {id} {name} {arguments:?}"),
        ModelEvent::Block(AssistantBlock::Text(text)) => format!("TEXT {:?}{}", text.text, native(&text.native)),
        ModelEvent::Block(AssistantBlock::Thinking(t)) => format!("THINKING {:?}{}", t.text, native(&t.native)),
        ModelEvent::Block(AssistantBlock::ToolCall(call)) => {
            let malformed = call.malformed.as_ref().map_or(String::new(), |text| format!(" malformed {text:?}"));
            format!("CALL {} {} {}{malformed}{}", call.id, call.name, call.arguments, native(&call.native))
        }
        ModelEvent::Block(AssistantBlock::Native(item)) => format!("NATIVE  <{}> {}", item.kind, item.data),
        ModelEvent::Finished(finish) => end(finish),
        other => format!("{other:?}"),
    }
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
        let _ = write!(line, " {name}={tokens}");
    }
    if let Some(cost) = usage.cost {
        let _ = write!(line, " cost={}", cost.total);
    }
    let facts = [("id", &finish.response_id), ("model", &finish.response_model), ("detail", &finish.detail)];
    for (name, fact) in facts.into_iter().filter_map(|(name, fact)| Some((name, fact.as_ref()?))) {
        let _ = write!(line, " {name}={fact}");
    }
    line
}
