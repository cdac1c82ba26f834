//! Chat Completions replies to events.
//!
//! A chat message is three fields, reasoning, content and tool calls, and its stream fills them in any order. So the
//! blocks are given at the end, in the order of the fields; the deltas are given as they come.

use std::sync::Arc;

use flue_core::model::{AssistantBlock, Finish, ModelEvent, StopReason, Text};
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::json::{List, Record, is_error, repair, text_of};
use flue_models_kit::{Decoder, SseEvent, cut_off, stream_error, undecodable};
use serde_json::value::RawValue;

use super::ChatSpec;
use super::calls::Calls;
use super::reasoning::Reasoning;
use super::usage;
use super::wire::{Chunk, Delta, Part, Usage};

/// The data of the event that ends a stream.
const DONE: &str = "[DONE]";

pub(super) struct ChatDecoder {
    spec: Arc<ChatSpec>,
    reasoning: Reasoning,
    text: String,
    refusal: String,
    calls: Calls,
    stop: Option<Stop>,
    usage: Option<Usage>,
    response_id: Option<String>,
    response_model: Option<String>,
}

/// What a `finish_reason` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Done,
    Length,
    Filtered,
}

impl ChatDecoder {
    pub(super) fn new(spec: Arc<ChatSpec>) -> Self {
        Self {
            spec,
            reasoning: Reasoning::default(),
            text: String::new(),
            refusal: String::new(),
            calls: Calls::default(),
            stop: None,
            usage: None,
            response_id: None,
            response_model: None,
        }
    }

    fn read(&mut self, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        match serde_json::from_str::<Record<Chunk<'_>>>(json) {
            Ok(chunk) => self.chunk(chunk, json, out),
            Err(error) => {
                let mended = repair(json).ok_or_else(|| undecodable(error))?;
                let chunk = serde_json::from_str(&mended).map_err(undecodable)?;
                self.chunk(chunk, &mended, out)
            }
        }
    }

    fn chunk(&mut self, chunk: Record<Chunk<'_>>, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        let Some(chunk) = chunk.0 else { return Ok(()) };
        if chunk.error.is_some_and(is_error) || &*chunk.object == "error" {
            return Err(stream_error(json));
        }
        if let (None, Some(id)) = (&self.response_id, chunk.id.non_empty()) {
            self.response_id = Some(id.to_owned());
        }
        if let (None, Some(model)) = (&self.response_model, chunk.model.non_empty()) {
            self.response_model = Some(model.to_owned());
        }
        // The other choices of a server that was asked for one are none of ours.
        let ours = chunk.choices.0.into_iter().filter_map(|choice| choice.0).find(|c| c.index.or_zero() == 0);
        if let Some(choice) = ours {
            if let Some(error) = choice.error.filter(|error| is_error(error)) {
                return Err(stream_error(&format!(r#"{{"error":{}}}"#, error.get())));
            }
            if let Some(delta) = choice.delta.0.or(choice.message.0) {
                self.delta(&delta, out)?;
            }
            if let Some(reason) = choice.finish_reason.non_empty() {
                self.stop = Some(stop(reason)?);
            }
            self.usage = choice.usage.0.or(self.usage.take());
        }
        self.usage = chunk.usage.0.or(self.usage.take());
        Ok(())
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        self.reasoning.take(delta, out);
        self.content(delta.content, out);
        self.refusal(&delta.refusal, out);
        for call in delta.tool_calls.0.iter().filter_map(|call| call.0.as_ref()) {
            self.calls.take(call, self.response_id.as_deref(), out)?;
        }
        Ok(())
    }

    fn content(&mut self, content: Option<&RawValue>, out: &mut Vec<ModelEvent>) {
        match content.map(|content| content.get().trim_start()) {
            Some(json) if json.starts_with('[') => {
                let parts: List<Record<Part<'_>>> = serde_json::from_str(json).unwrap_or_default();
                for part in parts.0.iter().filter_map(|part| part.0.as_ref()) {
                    for thought in part.thinking.0.iter().filter_map(|part| part.0.as_ref()) {
                        self.reasoning.push(&thought.text, out);
                    }
                    match &*part.kind {
                        "thinking" | "reasoning" => self.reasoning.push(&part.text, out),
                        _ => self.say(&part.text, out),
                    }
                    self.refusal(&part.refusal, out);
                }
            }
            Some(json) if json.starts_with('"') => self.say(&text_of(content), out),
            _ => {}
        }
    }

    fn refusal(&mut self, text: &str, out: &mut Vec<ModelEvent>) {
        self.refusal.push_str(text);
        self.say(text, out);
    }

    fn say(&mut self, text: &str, out: &mut Vec<ModelEvent>) {
        if !text.is_empty() {
            self.text.push_str(text);
            out.push(ModelEvent::TextDelta(text.to_owned()));
        }
    }

    /// Gives the turn, which has been read to its end.
    fn finish(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        let stop = match self.stop {
            Some(stop) => stop,
            None if self.spec.compat.finish_reason => return Err(cut_off("its finish_reason")),
            None => Stop::Done,
        };
        let calls = std::mem::take(&mut self.calls);
        let detail = match stop {
            Stop::Filtered => Some("content_filter".to_owned()),
            _ => Some(std::mem::take(&mut self.refusal)).filter(|refusal| !refusal.is_empty()),
        };
        let stop = match stop {
            Stop::Length => StopReason::Length,
            Stop::Filtered => StopReason::Refused,
            // Several servers say "stop" for a turn that calls tools.
            Stop::Done if !calls.is_empty() => StopReason::ToolUse,
            Stop::Done if detail.is_some() => StopReason::Refused,
            Stop::Done => StopReason::End,
        };
        let origin = &self.spec.info.origin;
        out.extend(std::mem::take(&mut self.reasoning).finish(origin).map(ModelEvent::Block));
        if !self.text.is_empty() {
            let text = Text::new(std::mem::take(&mut self.text));
            out.push(ModelEvent::Block(AssistantBlock::Text(text)));
        }
        out.extend(calls.finish(origin).map(ModelEvent::Block));

        let usage = usage::neutral(&self.usage.take().unwrap_or_default(), &self.spec);
        let mut finish = Finish::new(stop, usage);
        finish.response_id = self.response_id.take();
        finish.response_model = self.response_model.take().filter(|model| **model != *origin.model);
        finish.detail = detail.filter(|_| stop == StopReason::Refused);
        out.push(ModelEvent::Finished(finish));
        Ok(())
    }
}

impl Decoder for ChatDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        match event.data.trim() {
            "" => Ok(()),
            DONE => self.finish(out),
            json => self.read(json, out),
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        self.read(&String::from_utf8_lossy(body), out)?;
        self.finish(out)
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        self.finish(out)
    }
}

fn stop(reason: &str) -> Result<Stop> {
    let failed = |kind, message: String, retry| {
        Err(Error::new(kind, "read model stream", message).with_retry(retry).with("finish_reason", reason))
    };
    match reason {
        "length" | "max_tokens" | "model_length" => Ok(Stop::Length),
        "content_filter" | "refusal" | "safety" => Ok(Stop::Filtered),
        "model_context_window_exceeded" => {
            let message = "the conversation is larger than the model's context window".to_owned();
            failed(ErrorKind::ContextOverflow, message, Retry::Never)
        }
        "error" | "network_error" | "abort" | "insufficient_system_resource" => {
            let message = format!("the provider broke the turn off: {reason}");
            failed(ErrorKind::Unavailable, message, Retry::Backoff)
        }
        // `stop`, `tool_calls`, `function_call`, `end`, `eos` and what comes next: what the turn holds says the rest.
        _ => Ok(Stop::Done),
    }
}
