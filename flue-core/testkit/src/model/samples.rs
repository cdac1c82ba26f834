//! Conversations that have everything in them.

use std::sync::Arc;

use flue_core::model::{
    AssistantBlock, Finish, Image, Message, ModelEvent, ModelRequest, NativeItem, Origin, StopReason, Text, Thinking,
    ThinkingLevel, ToolCall, ToolResult, ToolSet, ToolSpec, Turn, Usage, User, UserBlock,
};

/// The turn that these events of a stream make up; a turn without an end for those that have none.
pub fn turn(events: Vec<ModelEvent>) -> Turn {
    let mut turn = Turn { content: Vec::new(), finish: Finish::new(StopReason::Pause, Usage::default()) };
    for event in events {
        match event {
            ModelEvent::Block(block) => turn.content.push(block),
            ModelEvent::Finished(finish) => turn.finish = finish,
            _ => {}
        }
    }
    turn
}

/// The tool `get_weather`, which takes a city.
pub fn tools() -> Arc<ToolSet> {
    Arc::new(ToolSet::new(vec![ToolSpec {
        name: "get_weather".into(),
        description: "The weather of a city.".into(),
        parameters: serde_json::json!({
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        }),
    }]))
}

/// A conversation with a model of `origin`: it thought, in the open and not, said something and nothing, and made four
/// calls, of which one went well and gave an image, one failed and gave one, one was malformed and one was never answered.
pub fn conversation(origin: &Origin) -> ModelRequest {
    let native = |kind: &str| Some(NativeItem { origin: origin.clone(), kind: kind.into(), data: "c2lnbmVk".into() });
    let call = |id: &str, city: &str| {
        AssistantBlock::ToolCall(ToolCall::new(id, "get_weather", &format!("{{\"city\":\"{city}\"}}")))
    };
    let image = || UserBlock::Image(Image { media_type: "image/png".into(), data: "iVBORw0=".into() });
    let result = |id: &str, is_error: bool, text: &str| {
        let content = vec![UserBlock::text(text), image()];
        Message::new(ToolResult { call_id: id.into(), tool: "get_weather".into(), content, is_error })
    };
    let said = |content: Vec<AssistantBlock>| {
        let finish = Finish::new(StopReason::ToolUse, Usage::default());
        Message::new(Turn { content, finish }.into_assistant(origin.clone()))
    };
    let mut request = ModelRequest::new(vec![
        Message::new(User { content: vec![UserBlock::text("Look \"here\":\n"), image(), UserBlock::text(" ")] }),
        said(vec![
            AssistantBlock::Thinking(Thinking { text: "I should look.".into(), native: native("signature") }),
            AssistantBlock::Thinking(Thinking { text: String::new(), native: native("redacted_thinking") }),
            AssistantBlock::Text(Text::new("Let me look.")),
            AssistantBlock::Text(Text::new(" \n")),
            call("toolu_1", "Oslo"),
            call("call|fc_2", "Rome"),
            AssistantBlock::ToolCall(ToolCall::new("toolu_3", "get_weather", "{\"city\"")),
            call("toolu_4", "Paris"),
        ]),
        result("toolu_1", false, "5C"),
        result("call|fc_2", true, "boom"),
        Message::new(ToolResult {
            call_id: "toolu_3".into(),
            tool: "get_weather".into(),
            content: vec![UserBlock::text("the arguments are not JSON")],
            is_error: true,
        }),
        Message::user("And?"),
        said(vec![AssistantBlock::Text(Text::new("Cold."))]),
        Message::user("Thanks."),
    ]);
    request.system = "Be brief.".into();
    request.tools = tools();
    request.thinking = ThinkingLevel::High;
    request.max_output = Some(1000);
    request.cache_key = Some("session-1".into());
    request
}
