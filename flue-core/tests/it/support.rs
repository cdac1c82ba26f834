//! What the tests of the loop share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::event::{Event, EventRecord};
use flue_core::model::{Body, Message, Model};
use flue_core::tool::{Tool, ToolContext, ToolOutput};
use flue_core::{AgentBuilder, AgentSpec, Harness, Result, RetryPolicy, Session};
use flue_core_testkit::{MemoryFactory, Recorder, ScriptModel};
use schemars::JsonSchema;
use serde::Deserialize;

/// An agent over an in-memory sandbox, that retries without waiting long.
pub(crate) fn agent(model: &ScriptModel) -> AgentBuilder {
    let model: Arc<dyn Model> = Arc::new(model.clone());
    AgentSpec::builder(model, MemoryFactory::new())
        .retry(RetryPolicy::retries(3).with_base_delay(Duration::from_secs(2)))
}

pub(crate) async fn start(builder: AgentBuilder) -> Harness {
    builder.build().unwrap().start("test").await.unwrap()
}

/// Keeps every event of an agent.
pub(crate) fn watched(builder: AgentBuilder) -> (AgentBuilder, Recorder<EventRecord>) {
    let seen = Recorder::new();
    (builder.observer(Arc::new(seen.observer())), seen)
}

/// The names of the events, as they are written out, in order; deltas and what was touched left out.
pub(crate) fn names(seen: &Recorder<EventRecord>) -> Vec<String> {
    let name = |record: &EventRecord| serde_json::to_value(&record.event).unwrap()["type"].as_str().unwrap().to_owned();
    seen.items()
        .iter()
        .filter(|record| !matches!(record.event, Event::TextDelta { .. } | Event::Reached { .. }))
        .map(name)
        .collect()
}

/// Each message in a few words: `user: …`, `calls: a b`, `says: …`, `result c1: …`, `error c1: …`.
pub(crate) fn told(messages: &[Arc<Message>]) -> Vec<String> {
    messages
        .iter()
        .map(|message| match &message.body {
            Body::User(user) => format!("user: {:?}", user.content).replace("[Text { text: ", "").replace(" }]", ""),
            Body::Assistant(assistant) if assistant.tool_calls().count() > 0 => {
                let names: Vec<_> = assistant.tool_calls().map(|call| call.name.as_str()).collect();
                format!("calls: {}", names.join(" "))
            }
            Body::Assistant(assistant) => format!("says: {}", assistant.text()),
            Body::ToolResult(result) => {
                let kind = if result.is_error { "error" } else { "result" };
                format!("{kind} {}: {}", result.call_id, result.text())
            }
            other => panic!("unknown message: {other:?}"),
        })
        .collect()
}

pub(crate) async fn conversation(session: &Session) -> Vec<String> {
    told(&session.messages().await.unwrap())
}

/// Waits for as many milliseconds as it is told to, then says so.
pub(crate) struct Wait;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct WaitArgs {
    ms: u64,
}

#[async_trait]
impl Tool for Wait {
    type Args = WaitArgs;
    const NAME: &'static str = "wait";
    const DESCRIPTION: &'static str = "Waits.";

    async fn call(&self, args: WaitArgs, _cx: ToolContext) -> Result<ToolOutput> {
        tokio::time::sleep(Duration::from_millis(args.ms)).await;
        Ok(ToolOutput::text(format!("waited {}", args.ms)))
    }
}
