//! A codec that is as simple as can be, and a server that plays what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flue_core::model::{Finish, Model, ModelEvent, ModelInfo, ModelRequest, StopReason, Usage};
use flue_core::{Error, Result};
use flue_models_kit::{
    Auth, Codec, CountRequest, Decoder, Endpoint, Http, HttpModel, HttpOptions, HttpReply, SseEvent, WireRequest,
    cut_off, reply_error, stream_error,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Every event is a piece of text, but `end` and those that begin with `{`, which are errors.
#[derive(Debug)]
pub(crate) struct Words(ModelInfo);

impl Codec for Words {
    fn info(&self) -> &ModelInfo {
        &self.0
    }

    fn encode(&self, _: &ModelRequest) -> Result<WireRequest> {
        let headers = vec![("x-version", "1".into()), ("x-mine", "codec".into())];
        Ok(WireRequest { path: "/words".into(), headers, body: "{}".into() })
    }

    fn encode_count(&self, _: &ModelRequest) -> Result<Option<CountRequest>> {
        let wire = WireRequest { path: "/count".into(), headers: Vec::new(), body: "{}".into() };
        Ok(Some(CountRequest { wire, field: "tokens" }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(WordsDecoder)
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}

struct WordsDecoder;

impl Decoder for WordsDecoder {
    fn event(&mut self, event: SseEvent<'_>, out: &mut Vec<ModelEvent>) -> Result<()> {
        match event.data {
            "end" => out.push(ModelEvent::Finished(Finish::new(StopReason::End, Usage::default()))),
            data if data.starts_with('{') => return Err(stream_error(data)),
            data => out.push(ModelEvent::TextDelta(data.to_owned())),
        }
        Ok(())
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        out.push(ModelEvent::TextDelta(String::from_utf8_lossy(body).into_owned()));
        out.push(ModelEvent::Finished(Finish::new(StopReason::End, Usage::default())));
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<ModelEvent>) -> Result<()> {
        Err(cut_off("end"))
    }
}

pub(crate) const KEY: &str = "planted-key-123";

pub(crate) fn endpoint(base_url: &str) -> Endpoint {
    Endpoint::new(base_url, Auth::Header("x-api-key", KEY.into())).unwrap().key_name("WORDS_KEY")
}

pub(crate) fn model(endpoint: Endpoint) -> HttpModel<Words> {
    model_with(endpoint, HttpOptions::default())
}

pub(crate) fn model_with(endpoint: Endpoint, options: HttpOptions) -> HttpModel<Words> {
    HttpModel::new(Words(ModelInfo::new("words", "words-api", "one")), endpoint, Http::new(options))
}

/// The events, and the error that ended them.
pub(crate) async fn ask(model: &HttpModel<Words>) -> (Vec<ModelEvent>, Option<Error>) {
    let mut stream = match model.stream(ModelRequest::new(Vec::new())).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut events = Vec::new();
    while let Some(event) = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        match event {
            Ok(event) => events.push(event),
            Err(error) => return (events, Some(error)),
        }
    }
    (events, None)
}

/// One thing that the server does with a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends this.
    Send(String),
    /// Waits this long.
    Pause(Duration),
    /// Sends nothing more until the client goes away.
    Stall,
    /// Closes the connection.
    Close,
}

pub(crate) struct Server {
    pub(crate) url: String,
    /// The requests, head and body, as they come.
    pub(crate) requests: mpsc::UnboundedReceiver<String>,
    /// Tells when a client went away.
    pub(crate) gone: mpsc::UnboundedReceiver<()>,
    pub(crate) connections: Arc<AtomicUsize>,
}

/// Plays the same acts for every request, on as many connections as come.
pub(crate) async fn serve(acts: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let (request, requests) = mpsc::unbounded_channel();
    let (went, gone) = mpsc::unbounded_channel();
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let (acts, request, went) = (acts.clone(), request.clone(), went.clone());
            tokio::spawn(async move {
                play(socket, acts, request).await;
                let _ = went.send(());
            });
        }
    });
    Server { url, requests, gone, connections }
}

async fn play(mut socket: TcpStream, acts: Vec<Act>, requests: mpsc::UnboundedSender<String>) {
    while let Some(request) = read_request(&mut socket).await {
        let _ = requests.send(request);
        for act in &acts {
            match act {
                Act::Send(text) => {
                    if socket.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
                Act::Pause(time) => tokio::time::sleep(*time).await,
                Act::Stall => {
                    let _ = socket.read(&mut [0; 64]).await;
                    return;
                }
                Act::Close => return,
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !is_whole(&text) {
        let count = socket.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    Some(text)
}

/// Whether a request is there with as much of a body as its head says.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| length.parse() == Ok(body.len()))
}

/// The head of a stream whose body comes in chunks.
pub(crate) fn head(content_type: &str) -> Act {
    Act::Send(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nrequest-id: req_7\r\ntransfer-encoding: chunked\r\n\r\n"
    ))
}

pub(crate) fn chunk(text: &str) -> Act {
    Act::Send(format!("{:x}\r\n{text}\r\n", text.len()))
}

/// The end of a body in chunks.
pub(crate) fn last_chunk() -> Act {
    Act::Send("0\r\n\r\n".to_owned())
}

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> Vec<Act> {
    vec![Act::Send(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))]
}
