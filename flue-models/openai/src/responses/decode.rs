//! Responses replies to events.
//!
//! Blocks are given at the end: an item counts when its `output_item.done` came, and may still be amended by the
//! response that ends the stream. Deltas are given as they come.

use std::sync::Arc;

use flue_core::model::{Finish, ModelEvent, StopReason, Usage as Neutral};
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::json::{Record, is_error, repair, text_of};
use flue_models_kit::{Decoder, SseEvent, cut_off, stream_error, undecodable};

use super::ResponsesSpec;
use super::output::{Output, open_call};
use super::slot::Kind;
use super::wire::{Event, Response, Usage};

/// What some gateways send after the last event.
const DONE: &str = "[DONE]";

pub(super) struct ResponsesDecoder {
    spec: Arc<ResponsesSpec>,
    output: Output,
    response_id: Option<String>,
}

impl ResponsesDecoder {
    pub(super) fn new(spec: Arc<ResponsesSpec>) -> Self {
        Self { spec, output: Output::default(), response_id: None }
    }

    fn read(&mut self, event: SseEvent<'_>, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        match serde_json::from_str::<Record<Event<'_>>>(json) {
            Ok(Record(parsed)) => parsed.map_or(Ok(()), |parsed| self.take(event.name, parsed, json, out)),
            Err(error) => {
                let mended = repair(json).ok_or_else(|| undecodable(error))?;
                let Record(parsed) = serde_json::from_str(&mended).map_err(undecodable)?;
                parsed.map_or(Ok(()), |parsed| self.take(event.name, parsed, &mended, out))
            }
        }
    }

    fn take(&mut self, name: &str, event: Event<'_>, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        let origin = &self.spec.info.origin;
        let index = event.output_index.count();
        let kind = event.kind.non_empty().unwrap_or(name);
        let Some(kind) = kind.strip_prefix("response.") else {
            let is_error = kind == "error" || event.error.is_some_and(is_error);
            return if is_error { Err(stream_error(json)) } else { Ok(()) };
        };
        match kind {
            "created" => self.response_id = event.response.0.and_then(|r| r.id.non_empty().map(str::to_owned)),
            "output_item.added" => {
                if let Some(item) = event.item {
                    self.output.added(item, index, out)?;
                }
            }
            "output_item.done" => {
                if let Some(item) = event.item {
                    self.output.done(item, index, origin, out)?;
                }
            }
            "output_text.delta" => self.output.slot(Kind::Message, &event)?.delta(&event.delta, out),
            "refusal.delta" => {
                let slot = self.output.slot(Kind::Message, &event)?;
                slot.refusal.push_str(&event.delta);
                slot.delta(&event.delta, out);
            }
            "reasoning_summary_text.delta" | "reasoning_text.delta" => {
                self.output.slot(Kind::Reasoning, &event)?.delta(&event.delta, out);
            }
            "reasoning_summary_part.added" => self.output.slot(Kind::Reasoning, &event)?.end_part(),
            "function_call_arguments.delta" => self.output.slot(Kind::Call, &event)?.delta(&event.delta, out),
            "output_text.done" => self.part_done(Kind::Message, &event, event.text.as_deref(), out)?,
            "refusal.done" => self.part_done(Kind::Message, &event, event.refusal.as_deref(), out)?,
            "reasoning_summary_text.done" | "reasoning_text.done" => {
                self.part_done(Kind::Reasoning, &event, event.text.as_deref(), out)?;
            }
            "function_call_arguments.done" => {
                let arguments = event.arguments.map(|_| text_of(event.arguments));
                self.part_done(Kind::Call, &event, arguments.as_deref(), out)?;
            }
            "completed" | "incomplete" | "failed" => {
                return self.finish(event.response.0.unwrap_or_default(), kind, json, out);
            }
            _ => {}
        }
        Ok(())
    }

    fn part_done(
        &mut self,
        kind: Kind,
        event: &Event<'_>,
        whole: Option<&str>,
        out: &mut Vec<ModelEvent>,
    ) -> Result<()> {
        if let Some(whole) = whole {
            self.output.slot(kind, event)?.part_done(whole, out);
        }
        Ok(())
    }

    /// Takes the response that ends the stream, under the name of its event.
    fn finish(&mut self, response: Response<'_>, event: &str, json: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        let origin = &self.spec.info.origin;
        let status = response.status.non_empty().unwrap_or(event);
        if event == "failed" || matches!(status, "failed" | "cancelled") || response.error.is_some_and(is_error) {
            return Err(failed(&response, json));
        }
        let cut = event == "incomplete" || status == "incomplete";
        self.output.complete(&response.output.0, origin, out)?;
        let output = std::mem::take(&mut self.output);
        if !cut && output.has_open_call() {
            return Err(open_call());
        }
        let filtered = response.incomplete_details.0.is_some_and(|d| &*d.reason == "content_filter");
        let refusal = if filtered { Some("content_filter".to_owned()) } else { output.refusal() };
        let stop = match () {
            () if filtered => StopReason::Refused,
            () if cut => StopReason::Length,
            () if output.has_call() => StopReason::ToolUse,
            () if refusal.is_some() => StopReason::Refused,
            () => StopReason::End,
        };
        out.extend(output.finish().map(ModelEvent::Block));
        let mut finish = Finish::new(stop, self.usage(&response.usage.0.unwrap_or_default()));
        finish.response_id = response.id.non_empty().map(str::to_owned).or(self.response_id.take());
        finish.response_model = response.model.non_empty().filter(|m| **m != *origin.model).map(str::to_owned);
        finish.detail = refusal.filter(|_| stop == StopReason::Refused);
        out.push(ModelEvent::Finished(finish));
        Ok(())
    }

    fn usage(&self, usage: &Usage) -> Neutral {
        let mut neutral = Neutral::default();
        if let Some(details) = &usage.input_tokens_details.0 {
            neutral.cache_read = details.cached_tokens.or_zero();
            neutral.cache_write = details.cache_write_tokens.or_zero();
        }
        // The input counts what was read from and written to the cache.
        neutral.input =
            usage.input_tokens.or_zero().saturating_sub(neutral.cache_read).saturating_sub(neutral.cache_write);
        neutral.output = usage.output_tokens.or_zero();
        neutral.reasoning = usage.output_tokens_details.0.as_ref().map_or(0, |d| d.reasoning_tokens.or_zero());
        neutral.cost = self.spec.info.price.as_ref().map(|price| price.cost(&neutral));
        neutral
    }
}

impl Decoder for ResponsesDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        match event.data.trim() {
            "" | DONE => Ok(()),
            json => self.read(event, json, out),
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        let json = String::from_utf8_lossy(body);
        let Record(response) = serde_json::from_str::<Record<Response<'_>>>(&json).map_err(undecodable)?;
        let response = response.ok_or_else(|| cut_off("the response"))?;
        let status = response.status.to_string();
        match &*status {
            "in_progress" | "queued" => Err(cut_off("the end of the response")),
            status => self.finish(response, status, &json, out),
        }
    }

    fn end(&mut self, _out: &mut Vec<ModelEvent>) -> Result<()> {
        Err(cut_off("the response was complete"))
    }
}

fn failed(response: &Response<'_>, json: &str) -> Error {
    if response.error.is_some_and(is_error) {
        return stream_error(json);
    }
    let reason = response.incomplete_details.0.as_ref().and_then(|d| d.reason.non_empty()).unwrap_or("no reason given");
    Error::new(ErrorKind::Unavailable, "read model stream", format!("the provider broke the response off: {reason}"))
        .with_retry(Retry::Backoff)
}
