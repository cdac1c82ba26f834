//! A reply of Converse as events.
//!
//! A turn is complete at `messageStop`; usage comes after it, in `metadata`.

mod block;
mod wire;

use std::collections::BTreeMap;

use flue_core::model::{Finish, ModelEvent, ModelInfo, StopReason, Usage};
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_models_kit::json::{Object, Record, repair};
use flue_models_kit::{Decoder, SseEvent, cut_off, stream_error, undecodable};
use serde::Deserialize;

use self::block::Open;
use self::wire::{Delta, Event, Whole};

/// The kinds of native items of this protocol.
pub(crate) mod native {
    /// The signature of reasoning.
    pub(crate) const SIGNATURE: &str = "signature";
    /// Encrypted reasoning, in base64.
    pub(crate) const REDACTED: &str = "redacted_content";
    /// A whole block of a type that has no neutral form, as JSON.
    pub(crate) const BLOCK: &str = "block";
}

/// Decodes one reply, streamed or whole.
pub(crate) struct ConverseDecoder {
    info: ModelInfo,
    /// The blocks that are not given yet: they are given in the order of the message.
    open: BTreeMap<u64, Open>,
    usage: Usage,
    stop: Option<String>,
    called: bool,
}

impl ConverseDecoder {
    pub(crate) fn new(info: &ModelInfo) -> Self {
        let info = info.clone();
        Self { info, open: BTreeMap::new(), usage: Usage::default(), stop: None, called: false }
    }

    fn take(&mut self, name: &str, event: &Event<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        let index = event.content_block_index.or_zero();
        match name {
            "contentBlockStart" => {
                if let Some(call) = event.start.0.as_ref().and_then(|start| start.tool_use.0.as_ref()) {
                    self.called = true;
                    self.open.entry(index).or_default().begin(call, || format!("call_{index}"));
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = &event.delta.0 {
                    self.open.entry(index).or_default().extend(delta, out);
                }
            }
            "contentBlockStop" => {
                if let Some(block) = self.open.get_mut(&index) {
                    block.closed = true;
                }
                self.give_closed(out);
            }
            "messageStop" => {
                self.open.values_mut().for_each(|block| block.closed = true);
                self.give_closed(out);
                self.stop = event.stop_reason.non_empty().map(str::to_owned);
            }
            "metadata" => {
                self.count(&event.usage);
                if self.stop.is_some() {
                    out.push(ModelEvent::Finished(self.finish()?));
                }
            }
            // `messageStart`, and whatever comes next.
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, usage: &Record<wire::Usage>) {
        let Record(Some(usage)) = usage else { return };
        self.usage.input = usage.input_tokens.or_zero();
        self.usage.output = usage.output_tokens.or_zero();
        self.usage.cache_read = usage.cache_read_input_tokens.or_zero();
        self.usage.cache_write = usage.cache_write_input_tokens.or_zero();
    }

    /// Gives the blocks that are complete, none before one with a lower index.
    fn give_closed(&mut self, out: &mut Vec<ModelEvent>) {
        while let Some(entry) = self.open.first_entry()
            && entry.get().closed
        {
            out.extend(entry.remove().finish(&self.info.origin).map(ModelEvent::Block));
        }
    }

    fn finish(&mut self) -> Result<Finish> {
        let broken = |kind, message: &str, retry| {
            Err(Error::new(kind, "ask the model", message.to_owned()).with("phase", "stream").with_retry(retry))
        };
        let reason = self.stop.take();
        let stop = match reason.as_deref() {
            None => return Err(cut_off("its stop reason")),
            Some("model_context_window_exceeded") => {
                let message = "the answer reached the end of the context window";
                return broken(ErrorKind::ContextOverflow, message, Retry::Never);
            }
            Some(reason) if reason.starts_with("malformed_") => {
                let message = format!("the model broke its turn off: {reason}");
                return broken(ErrorKind::Protocol, &message, Retry::Backoff);
            }
            Some("max_tokens") => StopReason::Length,
            Some("guardrail_intervened" | "content_filtered" | "refusal") => StopReason::Refused,
            Some(_) if self.called => StopReason::ToolUse,
            Some(_) => StopReason::End,
        };
        let mut usage = self.usage;
        usage.cost = self.info.price.as_ref().map(|price| price.cost(&usage));
        let mut finish = Finish::new(stop, usage);
        finish.detail = reason.filter(|_| stop == StopReason::Refused);
        Ok(finish)
    }
}

/// The error that an exception inside the stream stands for.
fn exception(name: &str, message: &str) -> Error {
    let mut json = Vec::new();
    let mut object = Object::new(&mut json);
    Object::new(object.key("error")).text("type", name).text("message", message).end();
    object.end();
    stream_error(&String::from_utf8_lossy(&json))
}

fn parse<'a, T: Deserialize<'a> + Default>(json: &'a str) -> Result<T, serde_json::Error> {
    serde_json::from_str::<Record<T>>(json).map(|record| record.0.unwrap_or_default())
}

impl Decoder for ConverseDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        let json = event.data;
        if event.name.ends_with("Exception") || event.name.ends_with("Error") {
            let said: Event<'_> = parse(json).unwrap_or_default();
            return Err(exception(event.name, said.message.as_deref().unwrap_or(json)));
        }
        match parse::<Event<'_>>(json) {
            Ok(parsed) => self.take(event.name, &parsed, out),
            Err(error) => {
                let mended = repair(json).ok_or_else(|| undecodable(error))?;
                let parsed: Event<'_> = parse(&mended).map_err(undecodable)?;
                self.take(event.name, &parsed, out)
            }
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        let json = String::from_utf8_lossy(body);
        let whole: Whole<'_> = parse(&json).map_err(undecodable)?;
        let content = whole.output.0.and_then(|output| output.message.0).unwrap_or_default();
        for (index, raw) in (0..).zip(content.content.0) {
            let block: Delta<'_> = parse(raw.get()).map_err(undecodable)?;
            let mut open = Open::default();
            open.closed = true;
            if let Some(call) = &block.tool_use.0 {
                self.called = true;
                open.begin(call, || format!("call_{index}"));
            }
            open.extend(&block, out);
            if block.text.is_none() && block.reasoning_content.0.is_none() && !open.is_call() {
                open.other(raw.get());
            }
            self.open.insert(index, open);
        }
        self.give_closed(out);
        self.count(&whole.usage);
        self.stop = whole.stop_reason.non_empty().map(str::to_owned);
        out.push(ModelEvent::Finished(self.finish()?));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        out.push(ModelEvent::Finished(self.finish()?));
        Ok(())
    }
}
