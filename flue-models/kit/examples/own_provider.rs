//! A provider of one's own: all that a crate has to have which depends on `flue-core` and this kit alone.
//!
//! The protocol is made up, and as small as they come. It takes `{"model", "system", "turns": [{"by", "text"}]}` and streams
//! events with `{"say": "…"}`, then `{"done": true, "in": 12, "out": 3}`. It has no tools, images or thinking.
//!
//! ```sh
//! OWN_API_KEY=… cargo run -p flue-models-kit --example own_provider -- http://127.0.0.1:8080 "Hello"
//! ```

#![expect(clippy::print_stdout, reason = "an example prints what it got")]

use std::sync::Arc;

use flue_core::model::{
    AssistantBlock, Finish, Message, Model, ModelEvent, ModelInfo, ModelRequest, StopReason, Text, Usage, UserBlock,
    collect,
};
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::json::{Array, Object};
use flue_models_kit::{
    Access, Auth, Codec, CountRequest, Decoder, HttpReply, Item, Part, SseEvent, Target, WireRequest, cut_off, items,
    parts, reply_error, stream_error, undecodable,
};
use serde::Deserialize;

/// One model over the protocol. A codec has no connection, so that tests can feed it recorded bytes.
#[derive(Debug)]
pub(crate) struct Own {
    info: ModelInfo,
    target: Target,
}

impl Own {
    pub(crate) fn new(model: &str) -> Self {
        let mut info = ModelInfo::new("own", "own-api", model);
        info.context_window = Some(8_000);
        let target = Target::new(&info, &());
        Self { info, target }
    }
}

impl Codec for Own {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        if !request.tools.specs().is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "ask the model", "this provider has no tools"));
        }
        let mut body = Vec::new();
        let mut object = Object::new(&mut body).text("model", &self.info.origin.model).text("system", &request.system);
        let mut turns = Array::new(object.key("turns"));
        // What another model said comes as one that never heard of it can take it.
        for item in items(&request.messages) {
            let (by, text) = match item {
                Item::User(_, user) => ("user", texts(&user.content, self.target.images)),
                Item::Assistant(_, assistant) => ("model", assistant.text()),
                Item::Result(..) | Item::Unanswered(_) => continue,
            };
            Object::new(turns.item()).text("by", by).text("text", &text).end();
        }
        turns.end();
        object.end();
        Ok(WireRequest { path: "/v1/talk".into(), headers: Vec::new(), body: body.into() })
    }

    fn encode_count(&self, _: &ModelRequest) -> Result<Option<CountRequest>> {
        Ok(None)
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(OwnDecoder::default())
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}

/// What is text in a message, and what stands for the rest.
fn texts(content: &[UserBlock], images: bool) -> String {
    let text = |part| match part {
        Part::Text(text) => Some(text),
        Part::Image(_) => None,
    };
    parts(content, images).filter_map(text).collect::<Vec<_>>().join("\n")
}

/// One event of the protocol. Fields that are not known are passed over, and none has to be there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    say: Option<String>,
    done: bool,
    r#in: u64,
    out: u64,
    error: Option<serde_json::Value>,
}

/// Gathers the text, and ends with the event that says `done`, or not at all.
#[derive(Default)]
struct OwnDecoder {
    text: String,
}

impl Decoder for OwnDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        let read: Event = serde_json::from_str(event.data).map_err(undecodable)?;
        if read.error.is_some() {
            return Err(stream_error(event.data));
        }
        if let Some(text) = read.say {
            self.text.push_str(&text);
            out.push(ModelEvent::TextDelta(text));
        }
        if read.done {
            let text = std::mem::take(&mut self.text);
            if !text.is_empty() {
                out.push(ModelEvent::Block(AssistantBlock::Text(Text { text, native: None })));
            }
            let mut usage = Usage::default();
            (usage.input, usage.output) = (read.r#in, read.out);
            out.push(ModelEvent::Finished(Finish::new(StopReason::End, usage)));
        }
        Ok(())
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        let data = String::from_utf8_lossy(body);
        self.event(SseEvent { name: "", data: &data }, out)?;
        if out.iter().any(|event| matches!(event, ModelEvent::Finished(_))) { Ok(()) } else { self.end(out) }
    }

    fn end(&mut self, _: &mut Vec<ModelEvent>) -> Result<()> {
        // The end of a stream is not success.
        Err(cut_off("the event that says it is done"))
    }
}

/// The model behind an address. Connections, idle time, credentials and the errors of HTTP are the kit's business.
pub(crate) fn open(base_url: &str, key: &str, model: &str) -> Result<Arc<dyn Model>> {
    Access::new("own", "OWN_API_KEY", base_url, Auth::Bearer(key.into())).open(Own::new(model))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(base_url), Some(text)) = (args.next(), args.next()) else {
        return Err(Error::new(ErrorKind::InvalidInput, "read the arguments", "give it an address and a message"));
    };
    let key = std::env::var("OWN_API_KEY").unwrap_or_default();
    let model = open(&base_url, &key, "first")?;
    let turn = collect(model.stream(ModelRequest::new(vec![Message::user(text)])).await?, |_| {}).await?;
    let origin = model.info().origin.clone();
    println!("{}", turn.into_assistant(origin).text());
    Ok(())
}
