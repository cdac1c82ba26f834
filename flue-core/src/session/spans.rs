//! Spans of `tracing`, with the names that OpenTelemetry's conventions for generative AI have for them.
//!
//! Attributes `gen_ai.*` and `error.type` are those of the conventions (version 1.37); `flue.*` are our own; `otel.*` are for
//! `tracing-opentelemetry`, which names spans and sets their kind and status by them. What is said is in them only where the
//! agent was told so.

use tracing::Span;
use tracing::field::Empty;

use super::{Progress, RunContext, Session};
use crate::Error;
use crate::Result;
use crate::agent::Definition;
use crate::model::{Origin, ToolCall, Turn, Usage, UserBlock};
use crate::tool::ToolOutput;

/// The most bytes of content in one attribute.
const MAX_CONTENT_BYTES: usize = 56 << 10;

/// One prompt.
pub(crate) fn invoke_agent(session: &Session, origin: &Origin) -> Span {
    let agent = &session.shared.agent.name;
    let is_named = !agent.is_empty();
    tracing::info_span!(
        "invoke_agent",
        otel.name = if is_named { format!("invoke_agent {agent}") } else { "invoke_agent".to_owned() },
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = is_named.then_some(&**agent),
        gen_ai.conversation.id = %session.name(),
        gen_ai.provider.name = provider(origin),
        gen_ai.request.model = %origin.model,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        "error.type" = Empty,
        flue.harness.id = %session.shared.id,
        flue.usage.cost = Empty,
        flue.turns = Empty,
    )
}

/// The prompt is over. What its tasks cost is in spans of theirs.
pub(crate) fn end_agent(span: &Span, progress: &Progress, error: Option<&Error>) {
    if span.is_disabled() {
        return;
    }
    record_usage(span, &progress.usage);
    span.record("flue.turns", i64::from(progress.turns));
    record_error(span, error);
}

/// One request to a model.
pub(super) fn chat(cx: &RunContext, turn: u32) -> Span {
    let origin = &cx.model.info().origin;
    tracing::info_span!(
        "chat",
        otel.name = format!("chat {}", origin.model),
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.conversation.id = %cx.session,
        gen_ai.provider.name = provider(origin),
        gen_ai.request.model = %origin.model,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.output.messages = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        "error.type" = Empty,
        flue.turn = i64::from(turn),
        flue.usage.cost = Empty,
    )
}

/// The turn is over.
pub(super) fn end_chat(span: &Span, result: &Result<Turn>, agent: &Definition) {
    if span.is_disabled() {
        return;
    }
    if let Ok(turn) = result {
        let finish = &turn.finish;
        record_usage(span, &finish.usage);
        span.record("gen_ai.response.finish_reasons", finish.stop.name());
        if let Some(id) = &finish.response_id {
            span.record("gen_ai.response.id", id);
        }
        if let Some(model) = &finish.response_model {
            span.record("gen_ai.response.model", model);
        }
        if agent.spans_content {
            let said = serde_json::to_string(&turn.content).unwrap_or_default();
            span.record("gen_ai.output.messages", content(&said, agent));
        }
    }
    record_error(span, result.as_ref().err());
}

/// One tool call.
pub(super) fn execute_tool(call: &ToolCall) -> Span {
    tracing::info_span!(
        "execute_tool",
        otel.name = format!("execute_tool {}", call.name),
        otel.status_code = Empty,
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = %call.name,
        "gen_ai.tool.type" = "function",
        gen_ai.tool.call.id = %call.id,
        gen_ai.tool.call.arguments = Empty,
        gen_ai.tool.call.result = Empty,
        "error.type" = Empty,
    )
}

/// The call is over.
pub(super) fn end_tool(span: &Span, call: &ToolCall, output: &ToolOutput, agent: &Definition) {
    if span.is_disabled() {
        return;
    }
    if agent.spans_content {
        span.record("gen_ai.tool.call.arguments", content(&call.arguments, agent));
        let texts = output.content.iter().filter_map(|block| match block {
            UserBlock::Text { text } => Some(text.as_str()),
            UserBlock::Image(_) => None,
        });
        span.record("gen_ai.tool.call.result", content(&texts.collect::<Vec<_>>().join("\n"), agent));
    }
    if output.is_error {
        span.record("error.type", "tool_error");
        span.record("otel.status_code", "ERROR");
    }
}

fn record_usage(span: &Span, usage: &Usage) {
    // OpenTelemetry has signed numbers only.
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    // By the conventions, with those of the cache.
    span.record("gen_ai.usage.input_tokens", count(usage.context()));
    span.record("gen_ai.usage.output_tokens", count(usage.output));
    span.record("gen_ai.usage.cache_read.input_tokens", count(usage.cache_read));
    span.record("gen_ai.usage.cache_creation.input_tokens", count(usage.cache_write));
    if let Some(cost) = usage.cost {
        span.record("flue.usage.cost", cost.total);
    }
}

/// The kind alone: texts of errors may have anything in them.
fn record_error(span: &Span, error: Option<&Error>) {
    if let Some(error) = error {
        span.record("error.type", error.kind().name());
        span.record("otel.status_code", "ERROR");
    }
}

fn content(text: &str, agent: &Definition) -> String {
    let mut text = agent.redactor.redacted(text).unwrap_or_else(|| text.to_owned());
    if text.len() > MAX_CONTENT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_CONTENT_BYTES));
        text.push('…');
    }
    text
}

/// What the conventions call a provider.
fn provider(origin: &Origin) -> &str {
    match &*origin.provider {
        "bedrock" => "aws.bedrock",
        "google" => "gcp.gemini",
        "vertex" => "gcp.vertex_ai",
        "azure" => "azure.ai.openai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "moonshot" => "moonshot_ai",
        other => other,
    }
}
