//! A reply of Gemini as events.
//!
//! The protocol has no terminal event: a turn is complete when a finish reason came and the stream ended. What comes after
//! the reason, usage above all, still counts.

mod run;
mod wire;

use std::collections::BTreeMap;

use flue_core::model::{AssistantBlock, Finish, ModelEvent, ModelInfo, NativeItem, StopReason, ToolCall, Usage};
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::json::{List, Record, is_error, repair};
use flue_models_kit::{Decoder, SseEvent, cut_off, stream_error, undecodable};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use self::run::Run;
use self::wire::{Call, Chunk, Part, UsageMetadata};
use crate::native;

/// Decodes one reply, streamed or whole.
pub(crate) struct GeminiDecoder {
    info: ModelInfo,
    run: Option<Run>,
    calls: Vec<String>,
    usage: Usage,
    stop: Option<String>,
    detail: Option<String>,
    blocked: bool,
    response_id: Option<String>,
    response_model: Option<String>,
}

impl GeminiDecoder {
    pub(crate) fn new(info: &ModelInfo) -> Self {
        Self {
            info: info.clone(),
            run: None,
            calls: Vec::new(),
            usage: Usage::default(),
            stop: None,
            detail: None,
            blocked: false,
            response_id: None,
            response_model: None,
        }
    }

    fn read(&mut self, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        match serde_json::from_str::<Record<Chunk<'_>>>(json) {
            Ok(Record(chunk)) => chunk.map_or(Ok(()), |chunk| self.take(&chunk, json, out)),
            Err(error) => {
                let mended = repair(json).ok_or_else(|| undecodable(error))?;
                let Record(chunk) = serde_json::from_str(&mended).map_err(undecodable)?;
                chunk.map_or(Ok(()), |chunk| self.take(&chunk, &mended, out))
            }
        }
    }

    fn take(&mut self, chunk: &Chunk<'_>, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        if chunk.error.is_some_and(is_error) {
            return Err(stream_error(json));
        }
        if let Some(id) = chunk.response_id.non_empty() {
            self.response_id = Some(id.to_owned());
        }
        if let Some(model) = chunk.model_version.non_empty() {
            self.response_model = Some(model).filter(|model| **model != *self.info.origin.model).map(str::to_owned);
        }
        if let Record(Some(usage)) = &chunk.usage_metadata {
            self.usage = neutral(usage);
        }
        if let Record(Some(feedback)) = &chunk.prompt_feedback
            && let Some(reason) = feedback.block_reason.non_empty()
        {
            self.blocked = true;
            self.stop = Some(reason.to_owned());
            self.detail = Some(words(reason, &feedback.block_reason_message));
        }
        // One candidate is asked for.
        let Some(Record(Some(candidate))) = chunk.candidates.0.first() else { return Ok(()) };
        for part in candidate.content.0.iter().flat_map(|content| &content.parts.0) {
            self.part(part, out)?;
        }
        if let Some(reason) = candidate.finish_reason.non_empty() {
            self.stop = Some(reason.to_owned());
            self.detail = Some(words(reason, &candidate.finish_message));
        }
        Ok(())
    }

    fn part(&mut self, json: &RawValue, out: &mut Vec<ModelEvent>) -> Result<()> {
        let Record(part) = serde_json::from_str::<Record<Part<'_>>>(json.get()).map_err(undecodable)?;
        let Some(part) = part else { return Ok(()) };
        let signature = part.thought_signature.non_empty();
        if let Record(Some(call)) = &part.function_call {
            self.end_run(out);
            self.call(call, signature, out);
            return Ok(());
        }
        match &part.text {
            Some(text) => self.text(text, &*part.thought == "true", signature, out),
            None if is_bare(json.get()) => self.text("", &*part.thought == "true", signature, out),
            None => {
                self.end_run(out);
                out.push(ModelEvent::Block(AssistantBlock::Native(self.native(native::PART, json.get()))));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, thought: bool, signature: Option<&str>, out: &mut Vec<ModelEvent>) {
        if self.run.as_ref().is_some_and(|run| run.thought != thought) {
            self.end_run(out);
        }
        self.run.get_or_insert_with(|| Run::new(thought)).push(text, signature);
        if !text.is_empty() {
            let text = text.to_owned();
            out.push(if thought { ModelEvent::ThinkingDelta(text) } else { ModelEvent::TextDelta(text) });
        }
    }

    fn call(&mut self, call: &Call<'_>, signature: Option<&str>, out: &mut Vec<ModelEvent>) {
        let taken = |id: &str| self.calls.iter().any(|known| known == id);
        let id = match call.id.non_empty().filter(|id| !taken(id)) {
            Some(id) => id.to_owned(),
            // Unique in the message, and as unique in the conversation as the server's own ids are.
            None => match &self.response_id {
                Some(response) => format!("call_{response}_{}", self.calls.len()),
                None => format!("call_{}", self.calls.len()),
            },
        };
        let arguments = call.args.map_or("{}", |args| args.get());
        let arguments = if arguments == "null" { "{}" } else { arguments };
        self.calls.push(id.clone());
        out.push(ModelEvent::ToolCallDelta {
            id: id.clone(),
            name: call.name.to_string(),
            arguments: arguments.to_owned(),
        });
        let mut call = ToolCall::new(id, &*call.name, arguments);
        call.native = signature.map(|signature| self.native(native::SIGNATURE, signature));
        out.push(ModelEvent::Block(AssistantBlock::ToolCall(call)));
    }

    fn native(&self, kind: &str, data: &str) -> NativeItem {
        NativeItem { origin: self.info.origin.clone(), kind: kind.to_owned(), data: data.into() }
    }

    fn end_run(&mut self, out: &mut Vec<ModelEvent>) {
        if let Some(block) = self.run.take().and_then(|run| run.finish(&self.info.origin)) {
            out.push(ModelEvent::Block(block));
        }
    }

    fn finish(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        let Some(reason) = self.stop.take() else { return Err(cut_off("its finish reason")) };
        let stop = match &*reason {
            _ if self.blocked => StopReason::Refused,
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => StopReason::Refused,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MALFORMED_RESPONSE"
            | "MISSING_THOUGHT_SIGNATURE"
            | "OTHER" => return Err(self.broken_off(&reason)),
            // `STOP`, which is said of calls too, and what comes next: what the turn holds says the rest.
            _ if !self.calls.is_empty() => StopReason::ToolUse,
            _ => StopReason::End,
        };
        self.end_run(out);
        let mut usage = self.usage;
        usage.cost = self.info.price.as_ref().map(|price| price.cost(&usage));
        let mut finish = Finish::new(stop, usage);
        finish.response_id = self.response_id.take();
        finish.response_model = self.response_model.take();
        finish.detail = self.detail.take().filter(|_| stop == StopReason::Refused);
        out.push(ModelEvent::Finished(finish));
        Ok(())
    }

    /// The error of a turn that the model did not get to its end; the next try often does.
    fn broken_off(&mut self, reason: &str) -> Error {
        let words = self.detail.take().unwrap_or_default();
        Error::new(ErrorKind::Protocol, "ask the model", format!("the model broke its turn off: {words}"))
            .with("code", reason)
            .with("phase", "stream")
            .with_retry(Retry::Backoff)
    }
}

/// Whether a part holds nothing but a signature.
fn is_bare(part: &str) -> bool {
    let fields = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(part);
    fields.is_ok_and(|fields| fields.keys().all(|name| matches!(name.as_str(), "thought" | "thoughtSignature")))
}

fn words(reason: &str, message: &str) -> String {
    if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") }
}

/// The prompt counts what was read from the cache; the candidates do not count the thoughts.
fn neutral(usage: &UsageMetadata) -> Usage {
    let mut neutral = Usage::default();
    let prompt = usage.prompt_token_count.or_zero().saturating_add(usage.tool_use_prompt_token_count.or_zero());
    neutral.cache_read = usage.cached_content_token_count.or_zero();
    neutral.input = prompt.saturating_sub(neutral.cache_read);
    neutral.reasoning = usage.thoughts_token_count.or_zero();
    neutral.output = usage.candidates_token_count.or_zero().saturating_add(neutral.reasoning);
    neutral
}

impl Decoder for GeminiDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        match event.data.trim() {
            // What some gateways send after the last event.
            "" | "[DONE]" => Ok(()),
            json => self.read(json, out),
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        let json = String::from_utf8_lossy(body);
        // Without `alt=sse`, which gateways lose, the reply is a list of what would have been events.
        if json.trim_start().starts_with('[') {
            let List(chunks) = serde_json::from_str::<List<&RawValue>>(&json).map_err(undecodable)?;
            chunks.into_iter().try_for_each(|chunk| self.read(chunk.get(), out))?;
        } else {
            self.read(&json, out)?;
        }
        self.finish(out)
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        self.finish(out)
    }
}
