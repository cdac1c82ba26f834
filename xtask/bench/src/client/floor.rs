//! The floor: the same job with no harness around it, as little work as it can be done with.
//!
//! One connection for each run, HTTP/1.1 by hand, the conversation kept as the bytes that were sent and added to, nothing
//! encoded twice; the document is in memory and the three tools are three functions.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use flue_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Job, address};
use crate::load::{Load, prompt};

const SYSTEM: &str = "You are a careful document reviewer.";

/// The longest answer of the server that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;

/// The client without a harness.
pub(super) struct Floor {
    address: SocketAddr,
    model: String,
    document: String,
}

impl Job for Floor {
    type Kept = ();

    async fn open(load: &Load, model: &str) -> Result<Self> {
        Ok(Self { address: address(&load.base)?, model: model.to_owned(), document: load.document()? })
    }

    async fn run(&self, id: String) -> Result<(String, ())> {
        let failed = |error: io::Error| Error::new(ErrorKind::Io, "run the floor", "it broke off").with_source(error);
        Ok((self.converse(&prompt(&id)).await.map_err(failed)?, ()))
    }
}

impl Floor {
    async fn converse(&self, prompt: &str) -> io::Result<String> {
        let mut connection = Connection::open(self.address).await?;
        let mut body = format!(
            r#"{{"model":{},"max_tokens":8192,"stream":true,"system":{},"tools":{},"messages":[{{"role":"user","content":{}}}"#,
            json!(self.model),
            json!(SYSTEM),
            tools(),
            json!(prompt),
        );
        loop {
            let turn = connection.ask(&body).await?;
            let Some((id, name)) = turn.call else { return Ok(turn.text) };
            let result = self.call(&name, &turn.input)?;
            let (said, result, input) = (json!(turn.text), json!(result), turn.input);
            let _ = write!(
                body,
                r#",{{"role":"assistant","content":[{{"type":"text","text":{said}}},{{"type":"tool_use","id":"{id}","name":"{name}","input":{input}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{id}","content":{result}}}]}}"#
            );
        }
    }

    fn call(&self, name: &str, input: &str) -> io::Result<String> {
        let input: Input<'_> = serde_json::from_str(input)?;
        Ok(match name {
            "read" => self.document.clone(),
            "write" => format!("Wrote {} bytes", input.content.len()),
            _ => {
                let mut output = format!("{} document.md\n", self.document.split_whitespace().count());
                for (index, line) in self.document.lines().enumerate().filter(|(_, line)| line.contains("TODO")) {
                    let _ = writeln!(output, "{}:{line}", index + 1);
                }
                if let Some((_, words)) = input.command.split_once("echo ") {
                    output.push_str(words);
                }
                output
            }
        })
    }
}

fn tools() -> String {
    let tool = |name: &str, description: &str, arguments: &[&str]| {
        let properties: serde_json::Map<_, _> =
            arguments.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
        json!({"name": name, "description": description,
            "input_schema": {"type": "object", "properties": properties, "required": arguments}})
    };
    json!([
        tool("read", "Read a file", &["path"]),
        tool("write", "Write a file", &["path", "content"]),
        tool("bash", "Run a shell command", &["command"]),
    ])
    .to_string()
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow, default)]
    content: Cow<'a, str>,
    #[serde(borrow, default)]
    command: Cow<'a, str>,
}

#[derive(Default)]
struct Turn {
    text: String,
    input: String,
    call: Option<(String, String)>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    partial_json: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

impl Turn {
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(data) = line.strip_prefix(b"data: ") else { return Ok(()) };
        let event: Event<'_> = serde_json::from_slice(data)?;
        if let Some(delta) = event.delta {
            self.text.push_str(&delta.text.unwrap_or_default());
            self.input.push_str(&delta.partial_json.unwrap_or_default());
        }
        if let Some(Block { id: Some(id), name: Some(name) }) = event.content_block {
            self.call = Some((id.into_owned(), name.into_owned()));
        }
        Ok(())
    }
}

struct Connection {
    socket: TcpStream,
    address: SocketAddr,
    read: Vec<u8>,
    /// How much of what was read is done with.
    done: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, address, read: Vec::new(), done: 0 })
    }

    /// Sends `body`, the conversation without its closing brackets, and reads the answer.
    async fn ask(&mut self, body: &str) -> io::Result<Turn> {
        const CLOSE: &str = "]}";
        let (length, address) = (body.len() + CLOSE.len(), self.address);
        let mut request = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nx-api-key: none\r\n\
             content-length: {length}\r\n\r\n"
        );
        request.reserve(length);
        request.push_str(body);
        request.push_str(CLOSE);
        self.socket.write_all(request.as_bytes()).await?;
        let head = self.until("\r\n\r\n").await?;
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(head));
        }
        let (mut turn, mut lines) = (Turn::default(), Vec::new());
        loop {
            let size = usize::from_str_radix(&self.until("\r\n").await?, 16).map_err(io::Error::other)?;
            if size > MAX_ANSWER {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            while self.read.len() < self.done + size + 2 {
                self.more().await?;
            }
            lines.extend_from_slice(&self.read[self.done..self.done + size]);
            self.done += size + 2;
            let mut taken = 0;
            while let Some(length) = lines[taken..].iter().position(|byte| *byte == b'\n') {
                turn.take(&lines[taken..taken + length])?;
                taken += length + 1;
            }
            lines.drain(..taken);
            if size == 0 {
                return Ok(turn);
            }
        }
    }

    /// What comes before the next `mark`, which is passed over.
    async fn until(&mut self, mark: &str) -> io::Result<String> {
        loop {
            let unread = &self.read[self.done..];
            if let Some(at) = unread.windows(mark.len()).position(|window| window == mark.as_bytes()) {
                let text = String::from_utf8_lossy(&unread[..at]).into_owned();
                self.done += at + mark.len();
                return Ok(text);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        self.read.drain(..self.done);
        self.done = 0;
        if self.socket.read_buf(&mut self.read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.read.len() > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }
}
