//! A reply of Anthropic as events.

mod block;
mod wire;

use std::collections::VecDeque;

use flue_core::model::{AssistantBlock, Finish, ModelEvent, ModelInfo, StopReason, Usage};
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Decoder, SseEvent, cut_off, json, stream_error, undecodable};

use self::block::Open;
use self::wire::{Event, Kind, Reply, StartedMessage, UsagePart};

/// The kinds of native items of this protocol.
pub(crate) mod native {
    /// The signature of a thinking block.
    pub(crate) const SIGNATURE: &str = "signature";
    /// The data of a redacted thinking block.
    pub(crate) const REDACTED: &str = "redacted_thinking";
    /// A whole block of a type that has no neutral form, as JSON.
    pub(crate) const BLOCK: &str = "block";
}

/// Decodes one reply, streamed or whole.
pub(crate) struct MessagesDecoder {
    info: ModelInfo,
    /// The blocks that are not given yet, by index: they may overlap, and be given in the order of the message only.
    open: VecDeque<Open>,
    usage: Usage,
    stop: Option<String>,
    detail: Option<String>,
    response_id: Option<String>,
    response_model: Option<String>,
    called: bool,
}

impl MessagesDecoder {
    pub(crate) fn new(info: &ModelInfo) -> Self {
        Self {
            info: info.clone(),
            open: VecDeque::new(),
            usage: Usage::default(),
            stop: None,
            detail: None,
            response_id: None,
            response_model: None,
            called: false,
        }
    }

    fn take(&mut self, event: &Event<'_>, data: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        match &*event.kind {
            "message_start" => {
                if let Some(StartedMessage { id, model, usage }) = &event.message {
                    self.begin(id, model, usage.as_ref());
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.open_block(event.index, block.get(), out)?;
                }
            }
            "content_block_delta" => {
                if let Some(delta) = &event.delta
                    && let Some(block) = self.open.iter_mut().rfind(|block| block.index == event.index.0)
                {
                    block.extend(delta, out);
                }
            }
            "content_block_stop" => {
                if let Some(block) = self.open.iter_mut().rfind(|block| block.index == event.index.0) {
                    block.closed = true;
                }
                self.give_closed(out);
            }
            "message_delta" => {
                if let Some(delta) = &event.delta {
                    self.stop_at(&delta.stop_reason, &delta.stop_details);
                }
                if let Some(usage) = &event.usage {
                    usage.update(&mut self.usage);
                }
            }
            "message_stop" => {
                self.open.iter_mut().for_each(|block| block.closed = true);
                self.give_closed(out);
                out.push(ModelEvent::Finished(self.finish()?));
            }
            "error" => return Err(stream_error(data)),
            // `ping`, and whatever comes next.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, id: &json::Str<'_>, model: &json::Str<'_>, usage: Option<&UsagePart>) {
        self.response_id = id.non_empty().map(str::to_owned);
        self.response_model = model.non_empty().filter(|model| **model != *self.info.origin.model).map(str::to_owned);
        if let Some(usage) = usage {
            usage.update(&mut self.usage);
        }
    }

    fn open_block(&mut self, index: json::Count, block: &str, out: &mut Vec<ModelEvent>) -> Result<()> {
        let id = || format!("{}_{}", self.response_id.as_deref().unwrap_or("call"), index.0.unwrap_or_default());
        let open = Open::new(index.0, block, id, out).map_err(undecodable)?;
        let before = self.open.partition_point(|earlier| earlier.index <= open.index);
        self.open.insert(before, open);
        Ok(())
    }

    fn stop_at(&mut self, reason: &json::Str<'_>, details: &wire::StopDetails<'_>) {
        if let Some(reason) = reason.non_empty() {
            self.stop = Some(reason.to_owned());
        }
        let words = [details.category.non_empty(), details.explanation.non_empty()];
        let detail: Vec<&str> = words.into_iter().flatten().collect();
        if !detail.is_empty() {
            self.detail = Some(detail.join(": "));
        }
    }

    /// Gives the blocks that are complete, none before one with a lower index.
    fn give_closed(&mut self, out: &mut Vec<ModelEvent>) {
        while self.open.front().is_some_and(|block| block.closed)
            && let Some(open) = self.open.pop_front()
            && let Some(block) = open.into_block(&self.info.origin)
        {
            self.called |= matches!(block, AssistantBlock::ToolCall(_));
            out.push(ModelEvent::Block(block));
        }
    }

    fn finish(&mut self) -> Result<Finish> {
        let stop = match self.stop.as_deref() {
            None => return Err(cut_off("its stop reason")),
            Some("model_context_window_exceeded") => {
                return Err(Error::new(
                    ErrorKind::ContextOverflow,
                    "ask the model",
                    "the answer reached the end of the context window",
                )
                .with("phase", "stream"));
            }
            Some("max_tokens") => StopReason::Length,
            Some("pause_turn") => StopReason::Pause,
            Some("refusal" | "sensitive") => StopReason::Refused,
            Some(_) if self.called => StopReason::ToolUse,
            Some(_) => StopReason::End,
        };
        let mut usage = self.usage;
        usage.cost = self.info.price.as_ref().map(|price| price.cost(&usage));
        let mut finish = Finish::new(stop, usage);
        finish.response_id = self.response_id.take();
        finish.response_model = self.response_model.take();
        finish.detail = self.detail.take();
        Ok(finish)
    }
}

/// Whether this is an event of a type that is not known here, whose fields may mean anything.
fn is_unknown(data: &str) -> bool {
    const KNOWN: [&str; 7] = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    ];
    serde_json::from_str::<Kind<'_>>(data).is_ok_and(|event| !KNOWN.contains(&&*event.kind))
}

impl Decoder for MessagesDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        // Some servers end the stream as OpenAI does.
        if event.data == "[DONE]" {
            return Ok(());
        }
        match serde_json::from_str::<Event<'_>>(event.data) {
            Ok(parsed) => self.take(&parsed, event.data, out),
            Err(_) if is_unknown(event.data) => Ok(()),
            Err(error) => {
                let mended = json::repair(event.data).ok_or_else(|| undecodable(error))?;
                let parsed = serde_json::from_str::<Event<'_>>(&mended).map_err(undecodable)?;
                self.take(&parsed, &mended, out)
            }
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        let reply: Reply<'_> = serde_json::from_slice(body).map_err(undecodable)?;
        if &*reply.kind == "error" {
            return Err(stream_error(&String::from_utf8_lossy(body)));
        }
        self.begin(&reply.id, &reply.model, reply.usage.as_ref());
        for (index, block) in reply.content.iter().enumerate() {
            self.open_block(json::Count(Some(index as u64)), block.get(), out)?;
        }
        self.open.iter_mut().for_each(|block| block.closed = true);
        self.give_closed(out);
        self.stop_at(&reply.stop_reason, &reply.stop_details);
        out.push(ModelEvent::Finished(self.finish()?));
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<ModelEvent>) -> Result<()> {
        Err(cut_off("message_stop"))
    }
}
