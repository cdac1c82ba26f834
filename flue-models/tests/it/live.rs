//! The providers themselves: a turn, a tool loop with thinking, and a count of tokens, for a few cents each.
//!
//! Never run unless asked for by name, and never in CI. Each test takes the model from a variable of its own, and keys
//! from those that the provider's tools use:
//!
//! ```sh
//! FLUE_LIVE_ANTHROPIC=anthropic/claude-haiku-4-5 \
//!     cargo test -p flue-models --all-features --test it live::anthropic -- --ignored
//! ```

use std::sync::Arc;

use flue_core::model::{
    Message, Model, ModelRequest, ThinkingLevel, ToolResult, ToolSet, ToolSpec, Turn, UserBlock, collect,
};
use serde_json::json;

/// Enough for a thought, a call and an answer; a bound on what a test costs.
const MAX_OUTPUT: u64 = 2000;
/// How often a model may call the tool before it has to answer.
const MAX_TURNS: usize = 4;

async fn ask(model: &dyn Model, request: &ModelRequest) -> Turn {
    let turn = collect(model.stream(request.clone()).await.unwrap(), |_| {}).await.unwrap();
    let usage = &turn.finish.usage;
    assert!(usage.input + usage.cache_read + usage.cache_write > 0 && usage.output > 0, "{usage:?}");
    turn
}

/// Everything that a session needs of a provider.
async fn check(variable: &str) {
    let name = std::env::var(variable).unwrap_or_else(|_| panic!("set {variable} to the model to ask: provider/model"));
    let model = flue_models::open(&name).unwrap();
    let mut messages =
        vec![Message::user("What is the weather in Oslo? Use the tool, then answer with the temperature alone.")];
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tool = ToolSpec { name: "get_weather".into(), description: "Tells the weather in a city.".into(), parameters };
    let mut request = ModelRequest::new(Vec::new());
    request.system = "You are terse.".into();
    request.tools = Arc::new(ToolSet::new(vec![tool]));
    request.thinking = ThinkingLevel::Low;
    request.max_output = Some(MAX_OUTPUT);

    request.messages = Arc::new(messages.clone());
    let counted = model.count_tokens(request.clone()).await.unwrap();
    assert!(counted.is_none_or(|tokens| (10..10_000).contains(&tokens)), "{counted:?}");
    let mut called = false;
    for _ in 0..MAX_TURNS {
        request.messages = Arc::new(messages.clone());
        let said = ask(&*model, &request).await.into_assistant(model.info().origin.clone());
        let calls: Vec<_> = said.tool_calls().map(|call| call.id.clone()).collect();
        let text = said.text();
        messages.push(Message::new(said));
        if calls.is_empty() {
            assert!(called && text.contains("-31"), "called: {called}, said: {text}");
            return;
        }
        called = true;
        for call_id in calls {
            let content = vec![UserBlock::text("-31 degrees, snow")];
            let tool = "get_weather".to_owned();
            messages.push(Message::new(ToolResult { call_id, tool, content, is_error: false }));
        }
    }
    panic!("{name} calls the tool again and again");
}

macro_rules! live {
    ($($name:ident, $variable:literal;)*) => {$(
        #[tokio::test]
        #[ignore = $variable]
        async fn $name() {
            check($variable).await;
        }
    )*};
}

live! {
    anthropic, "FLUE_LIVE_ANTHROPIC";
    openai, "FLUE_LIVE_OPENAI";
    chat, "FLUE_LIVE_CHAT";
    google, "FLUE_LIVE_GOOGLE";
    vertex, "FLUE_LIVE_VERTEX";
    azure, "FLUE_LIVE_AZURE";
    bedrock, "FLUE_LIVE_BEDROCK";
}
