//! Secrets that are known by their value, planted wherever they may come from, and looked for wherever they may come out.

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flue_core::model::{AssistantBlock, Finish, ModelEvent, StopReason, Text, ToolCall, Usage};
use flue_core::policy::{Decision, ToolRequest};
use flue_core::store::{MemoryStore, SessionKey, SessionStore as _};
use flue_core::{
    AgentSpec, Error, ErrorKind, ExecEnd, ExecOutput, ExecRequest, OutputStream, REDACTED, Redactor, RetryPolicy,
};
use flue_core_testkit::{MemoryFactory, ScriptModel};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{start, watched};

const SECRET: &str = "sk-planted-\"7\"-secret";

/// Writes down every span and event, with all fields.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<String>>, Arc<AtomicU64>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Spans {
    fn note(&self, name: &str, record: impl FnOnce(&mut Fields<'_>)) {
        let mut text = self.0.lock().unwrap();
        let _ = write!(text, "\n{name}");
        record(&mut Fields(&mut text));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(span.metadata().name(), |fields| span.record(fields));
        Id::from_u64(self.1.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.note("", |fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.note(event.metadata().name(), |fields| event.record(fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn call(id: &str, tool: &str, arguments: serde_json::Value) -> ModelEvent {
    ModelEvent::Block(AssistantBlock::ToolCall(ToolCall::new(id, tool, &arguments.to_string())))
}

#[tokio::test(start_paused = true)]
async fn planted_secrets_come_out_nowhere() {
    let leaks = |text: &str| text.contains("planted") || text.contains("-secret");
    let halves = SECRET.split_at(8);
    let model = ScriptModel::new()
        .fails(
            Error::new(ErrorKind::Unavailable, "request", format!("bad key {SECRET}"))
                .with_retry(flue_core::Retry::Backoff),
        )
        .answers([
            ModelEvent::ThinkingDelta(halves.0.into()),
            ModelEvent::ThinkingDelta(halves.1.into()),
            ModelEvent::TextDelta(format!("I saw {}", halves.0)),
            ModelEvent::TextDelta(format!("{} there", halves.1)),
            call("c1", "read", serde_json::json!({"path": "key.txt"})),
            call("c2", "bash", serde_json::json!({"command": format!("curl -H {SECRET}")})),
            call("c3", "grep", serde_json::json!({"pattern": "key"})),
            call("c4", "write", serde_json::json!({"path": format!("x-{SECRET}"), "content": SECRET})),
            call("c5", "glob", serde_json::json!({"pattern": SECRET})),
            ModelEvent::Finished(Finish::new(StopReason::ToolUse, Usage::default())),
        ])
        .answers([
            ModelEvent::Block(AssistantBlock::Text(Text::new("done"))),
            ModelEvent::Finished(Finish::new(StopReason::End, Usage::default())),
        ]);
    let exec = |request: ExecRequest| async move {
        if let Some(sink) = &request.sink {
            let (first, second) = SECRET.split_at(5);
            sink.output(OutputStream::Stdout, first.as_bytes());
            sink.output(OutputStream::Stdout, second.as_bytes());
        }
        if let Some(reach) = &request.reach {
            reach.host(SECRET, 443);
            reach.refused("connect", SECRET);
        }
        Ok(ExecOutput::new(ExecEnd::Exited(1), SECRET, format!("no: {SECRET}")))
    };
    let policy = |call: &ToolRequest<'_>| match call.tool {
        "glob" => Decision::deny(format!("it has {SECRET} in it")),
        _ => Decision::Allow,
    };
    let store = Arc::new(MemoryStore::new());
    let spans = Spans::default();
    let agent = AgentSpec::builder(Arc::new(model.clone()), MemoryFactory::new().with_exec(exec))
        .retry(RetryPolicy::retries(2))
        .store(store.clone())
        .policy(policy)
        .redact(Redactor::new([SECRET]).unwrap())
        .content_in_spans();
    let (agent, seen) = watched(agent);
    let guard = tracing::subscriber::set_default(spans.clone());
    let harness = start(agent).await;
    harness.fs().write("key.txt", format!("key = {SECRET}\n")).await.unwrap();
    harness.prompt("Go.").await.unwrap();
    let ledger = serde_json::to_string(&harness.reach()).unwrap();
    drop(guard);

    let events = serde_json::to_string(&seen.items()).unwrap();
    assert!(!leaks(&events), "{events}");
    assert!(events.matches(REDACTED).count() >= 10, "{events}");
    assert!(events.contains("I saw ") && events.contains(" there"));
    assert!(!leaks(&ledger) && ledger.contains(REDACTED), "{ledger}");
    let spans = spans.0.lock().unwrap().clone();
    assert!(spans.contains("invoke_agent") && spans.contains("chat") && spans.contains("execute_tool"), "{spans}");
    assert!(spans.contains("gen_ai.tool.call.result") && spans.contains(REDACTED), "{spans}");
    assert!(!leaks(&spans), "{spans}");
    // What tools gave is clean for the model and for the store, too. The model's own words are its own.
    let last = model.requests().pop().unwrap();
    for message in &last.messages[2..] {
        assert!(!leaks(&format!("{message:?}")), "{message:?}");
    }
    let stored = store.load(&SessionKey::new("test", "default")).await.unwrap();
    for (place, entry) in stored.entries.iter().enumerate().filter(|(place, _)| *place != 2) {
        assert!(!leaks(&entry.encode().unwrap()), "{place}");
    }
}

#[tokio::test]
async fn content_is_in_spans_only_when_asked_for() {
    let spans = Spans::default();
    let model = ScriptModel::new()
        .calls([("c1", "write", r#"{"path":"a","content":"private words"}"#)])
        .says("more private words");
    let (agent, _) = watched(AgentSpec::builder(Arc::new(model), MemoryFactory::new()));
    let guard = tracing::subscriber::set_default(spans.clone());
    start(agent).await.prompt("Very private words.").await.unwrap();
    drop(guard);
    let text = spans.0.lock().unwrap().clone();
    for wanted in [
        "otel.name=\"invoke_agent\"",
        "otel.name=\"chat script\"",
        "otel.name=\"execute_tool write\"",
        "gen_ai.operation.name=\"chat\"",
        "gen_ai.provider.name=\"double\"",
        "gen_ai.tool.type=\"function\"",
        "gen_ai.usage.input_tokens=0",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("rivate"), "{text}");
}
