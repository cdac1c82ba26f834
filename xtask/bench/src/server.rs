//! A model server that plays a script and costs next to nothing.
//!
//! It speaks streaming Anthropic Messages on `POST …/messages`, one chunk and one write for each event, as a provider
//! does. What it plays is in [`script`]. For the measuring it keeps a record of each request:
//!
//! | request | what it does |
//! |---|---|
//! | `GET /__stats` | the records, a line of JSON each |
//! | `POST /__reset` | forgets them |
//! | `GET /__held` | how many requests wait |
//! | `POST /__release` | lets them go on |

mod http;
mod script;
mod wire;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::http::{Incoming, Reader};
use self::script::Mode;
use crate::clock::monotonic_ns;

/// The longest that a request is held.
const HOLD: Duration = Duration::from_secs(300);

#[derive(Default)]
struct State {
    records: Mutex<Vec<Record>>,
    held: AtomicUsize,
    release: watch::Sender<()>,
}

impl State {
    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is kept of one request. Times are nanoseconds.
#[derive(Serialize)]
struct Record {
    run: String,
    turn: usize,
    arrive: u64,
    first: u64,
    end: u64,
    len: usize,
}

/// Serves on a port of the loopback interface until the process is ended.
pub(crate) fn serve(port: u16) -> Result<()> {
    let failed = |error| Error::new(ErrorKind::Io, "serve", "the system refused").with("port", port).with_source(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let state = Arc::new(State::default());
        for connection in 0_u64.. {
            let (socket, _) = listener.accept().await.map_err(failed)?;
            let state = state.clone();
            // A connection that breaks is its client's affair.
            tokio::spawn(async move { converse(socket, &state, connection).await });
        }
        Ok(())
    })
}

async fn converse(mut socket: TcpStream, state: &State, connection: u64) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = Reader::default();
    let mut serial = 0;
    while let Some(request) = reader.next(&mut socket).await? {
        if request.path.ends_with("/messages") {
            serial += 1;
            play(&mut socket, state, &request, &format!("{connection}x{serial}")).await?;
            continue;
        }
        let body = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/__stats") => Some(lines(&state.records())),
            ("GET", "/__held") => Some(state.held.load(Ordering::SeqCst).to_string()),
            ("POST", "/__reset") => {
                state.records().clear();
                Some(String::new())
            }
            ("POST", "/__release") => {
                state.release.send_replace(());
                Some(String::new())
            }
            _ => None,
        };
        let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
        answer(&mut socket, status, &body.unwrap_or_default()).await?;
    }
    Ok(())
}

/// The longest answer of the script, as it goes over the wire, and how many events it has.
pub(crate) fn long_answer() -> (String, usize) {
    let asked = wire::Asked { model: "scripted".to_owned(), turn: 0, tools: Vec::new() };
    let events = wire::events(&asked, &script::Step::Answer, "1", 0);
    (events.concat(), events.len())
}

fn lines(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        // A record of plain values always has a JSON form, and a string always takes it.
        let _ = writeln!(text, "{}", serde_json::to_string(record).unwrap_or_default());
    }
    text
}

async fn play(socket: &mut TcpStream, state: &State, request: &Incoming, id: &str) -> std::io::Result<()> {
    let asked = match wire::read(&request.body) {
        Ok(asked) => asked,
        Err(why) => return answer(socket, "400 Bad Request", &wire::error(&why)).await,
    };
    let mode = Mode::named(&asked.model);
    let step = match script::step(&mode, asked.turn, &asked.tools) {
        Ok(step) => step,
        Err(why) => return answer(socket, "400 Bad Request", &wire::error(&why)).await,
    };
    if mode.hold == Some(asked.turn) {
        let mut released = state.release.subscribe();
        state.held.fetch_add(1, Ordering::SeqCst);
        let _ = tokio::time::timeout(HOLD, released.changed()).await;
        state.held.fetch_sub(1, Ordering::SeqCst);
    }
    let events = wire::events(&asked, &step, id, request.body.len());
    let first = monotonic_ns();
    socket.write_all(http::STREAM_HEAD).await?;
    let mut end = first;
    for (index, event) in events.iter().enumerate() {
        let mut chunk = format!("{:x}\r\n{event}\r\n", event.len());
        if index + 1 == events.len() {
            chunk.push_str(http::LAST_CHUNK);
            end = monotonic_ns();
        }
        socket.write_all(chunk.as_bytes()).await?;
    }
    let run = wire::run_of(&request.body);
    let record = Record { run, turn: asked.turn, arrive: request.arrive, first, end, len: request.body.len() };
    state.records().push(record);
    Ok(())
}

async fn answer(socket: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(text.as_bytes()).await
}
