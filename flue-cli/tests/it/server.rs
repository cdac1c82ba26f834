//! A model behind a real socket: answers Chat Completions from a list of turns, one for each request.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::PATIENCE;

/// What the model does when it is asked.
pub(crate) enum Turn {
    /// Says this.
    Text(&'static str),
    /// Calls a tool, with these arguments.
    Call(&'static str, String),
    /// Says this and then nothing more, without an end.
    Stall(&'static str),
    /// Answers with this status.
    Status(u16),
    /// Says this and goes away in the middle of the stream.
    Cut(&'static str),
}

/// A running server; it ends with the test.
pub(crate) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// The model whose requests go to a server.
    pub(crate) const MODEL: &str = "ollama/test";
    /// The variable that says where it is.
    pub(crate) const ADDRESS: &str = "OLLAMA_HOST";

    pub(crate) fn start(turns: Vec<Turn>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut turns = turns.into_iter();
            for stream in listener.incoming() {
                serve(stream.unwrap(), &mut turns, &seen);
            }
        });
        Self { address, requests }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, turns: &mut impl Iterator<Item = Turn>, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(body) = request(&mut reader) {
        seen.lock().unwrap().push(body);
        let turn = turns.next().expect("the model was asked more often than the test has turns");
        let over = answer(&mut stream, turn).is_err();
        if over {
            return;
        }
    }
}

/// The body of the next request; `None` when the client is gone.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

fn answer(stream: &mut TcpStream, turn: Turn) -> std::io::Result<()> {
    if let Turn::Status(status) = turn {
        let body = r#"{"error":{"message":"planted failure"}}"#;
        return write!(
            stream,
            "HTTP/1.1 {status} No\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let (delta, finish) = match &turn {
        Turn::Text(text) | Turn::Stall(text) | Turn::Cut(text) => (serde_json::json!({ "content": text }), "stop"),
        Turn::Call(name, arguments) => {
            let function = serde_json::json!({ "name": name, "arguments": arguments });
            let call = serde_json::json!({ "index": 0, "id": "call_1", "type": "function", "function": function });
            (serde_json::json!({ "tool_calls": [call] }), "tool_calls")
        }
        Turn::Status(_) => unreachable!(),
    };
    event(stream, &serde_json::json!({ "choices": [{ "index": 0, "delta": delta }] }).to_string())?;
    match turn {
        Turn::Stall(_) => std::thread::sleep(PATIENCE + Duration::from_secs(5)),
        Turn::Cut(_) => return Err(std::io::ErrorKind::ConnectionAborted.into()),
        _ => {}
    }
    let usage = serde_json::json!({ "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 });
    let last = serde_json::json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish }], "usage": usage });
    event(stream, &last.to_string())?;
    event(stream, "[DONE]")?;
    stream.write_all(b"0\r\n\r\n")
}

fn event(stream: &mut TcpStream, data: &str) -> std::io::Result<()> {
    let event = format!("data: {data}\n\n");
    write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
    stream.flush()
}
