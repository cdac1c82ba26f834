//! The server as the measuring sees it: a process, and what can be asked of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::scratch::failed;

/// How long the server may take to listen.
const START: Duration = Duration::from_secs(10);
/// How long it may take to answer a question.
const ANSWER: Duration = Duration::from_secs(30);
/// How often it is asked whether it listens.
const POLL: Duration = Duration::from_millis(5);

/// One request, as the server saw it. Times are nanoseconds of the clock that all processes share.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The run that it belongs to.
    pub(crate) run: String,
    /// The turn, from 0.
    pub(crate) turn: usize,
    /// When its first byte came.
    pub(crate) arrive: u64,
    /// When the answer ended.
    pub(crate) end: u64,
    /// Bytes of its body.
    pub(crate) len: u64,
}

impl Record {
    /// Whether it belongs to a run before the measuring began: those have a `w` before their number.
    pub(crate) fn is_warm_up(&self) -> bool {
        self.run.rsplit('-').next().is_some_and(|number| number.starts_with('w'))
    }
}

/// The running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on a free port and waits until it listens.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let refused = |error| failed("start the server", program.as_ref(), error);
        // Free when it was asked for; nobody else is likely to take it in between.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr()).map_err(refused)?;
        command
            .args(["--port", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().map_err(refused)?;
        let mut server = Self { process, address };
        let until = Instant::now() + START;
        while server.held().is_err() {
            if let Ok(Some(status)) = server.process.try_wait() {
                return Err(
                    Error::new(ErrorKind::Unavailable, "start the server", "it ended at once").with("status", status)
                );
            }
            if Instant::now() > until {
                return Err(Error::new(ErrorKind::Timeout, "start the server", "it does not listen")
                    .with("address", address)
                    .with("seconds", START.as_secs()));
            }
            std::thread::sleep(POLL);
        }
        Ok(server)
    }

    /// Its base URL.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has it forget what it saw.
    pub(crate) fn reset(&self) -> Result<()> {
        self.ask("POST", "/__reset").map(drop)
    }

    /// What it saw since then.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        let text = self.ask("GET", "/__stats")?;
        let bad = |error| Error::new(ErrorKind::Protocol, "read records", "a line is no record").with_source(error);
        text.lines().map(|line| serde_json::from_str(line).map_err(bad)).collect()
    }

    fn held(&self) -> Result<String> {
        self.ask("GET", "/__held")
    }

    fn ask(&self, method: &str, path: &str) -> Result<String> {
        ask(self.address, method, path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Asks a server at its control address, and gives the body of its answer.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str) -> Result<String> {
    let refused = |error: std::io::Error| {
        Error::new(ErrorKind::Unavailable, "ask the server", "it does not answer").with("path", path).with_source(error)
    };
    let answer = (|| {
        let mut socket = TcpStream::connect_timeout(&address, ANSWER)?;
        socket.set_read_timeout(Some(ANSWER))?;
        write!(socket, "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n")?;
        read_answer(&mut socket)
    })();
    let answer = answer.map_err(refused)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default());
    }
    Err(Error::new(ErrorKind::Protocol, "ask the server", "it refuses").with("path", path))
}

/// Reads head and body, whose length the head tells: the server keeps the connection open.
fn read_answer(socket: &mut TcpStream) -> std::io::Result<String> {
    const NAME: &str = "content-length:";
    let (mut bytes, mut part) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let read = socket.read(&mut part)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix(NAME)?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(text.into_owned());
            }
        }
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
