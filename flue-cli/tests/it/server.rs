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
    /// Refuses the key, and repeats it.
    RefusesKey,
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
        let turns = Arc::new(Mutex::new(turns.into_iter()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (turns, seen) = (turns.clone(), seen.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &turns, &seen));
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

fn serve(stream: TcpStream, turns: &Mutex<impl Iterator<Item = Turn>>, seen: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((key, body)) = request(&mut reader) {
        seen.lock().unwrap().push(body);
        let turn = turns.lock().unwrap().next().expect("the model was asked more often than the test has turns");
        let over = answer(&mut stream, turn, &key).is_err();
        if over {
            return;
        }
    }
}

/// The key and the body of the next request; `None` when the client is gone.
fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut length = 0;
    let mut key = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.to_lowercase().starts_with("authorization:") {
            key = line.trim().to_owned();
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
    Some((key, String::from_utf8(body).unwrap()))
}

fn answer(stream: &mut TcpStream, turn: Turn, key: &str) -> std::io::Result<()> {
    let refusal = match turn {
        Turn::Status(status) => Some((status, "planted failure")),
        Turn::RefusesKey => Some((401, key)),
        _ => None,
    };
    if let Some((status, why)) = refusal {
        let body = serde_json::json!({ "error": { "message": why } }).to_string();
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
        Turn::Status(_) | Turn::RefusesKey => unreachable!(),
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
