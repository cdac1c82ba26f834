//! A provider's bare request for a command, again and again over one connection: what is left of an exec without an adapter.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};

use super::Work;
use super::client::Client;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const ANSWER_BYTES: u64 = 1 << 20;

/// A request over HTTP/1.1, written by hand.
pub(super) struct Request {
    stream: BufReader<TcpStream>,
    bytes: Vec<u8>,
    /// What the answer holds if the command ended well.
    proof: &'static str,
}

impl Request {
    /// Asks `METHOD address/path`, with these headers and this body.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if nobody listens there.
    pub(super) fn new(
        address: &str,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        proof: &'static str,
    ) -> Result<Self> {
        let host = address.trim_start_matches("http://");
        let stream = connect(host).map_err(refused)?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n");
        Ok(Self { stream: BufReader::new(stream), bytes: [head.as_bytes(), body].concat(), proof })
    }

    /// Sends it and gives the body of the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the connection breaks; [`ErrorKind::Protocol`] for an answer without the proof.
    pub(super) fn send(&mut self) -> Result<String> {
        self.stream.get_mut().write_all(&self.bytes).map_err(refused)?;
        let body = answer(&mut self.stream).map_err(refused)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        if body.contains(self.proof) {
            return Ok(body);
        }
        Err(Error::new(ErrorKind::Protocol, "ask the provider", "the answer is not that of a command that ended well"))
    }
}

impl Client for Request {
    fn name(&self) -> &'static str {
        "bare HTTP request"
    }

    fn run(&mut self, work: Work) -> Result<bool> {
        if work != Work::Exec {
            return Ok(false);
        }
        self.send().map(|_| true)
    }
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER))?;
    Ok(stream)
}

/// The body of one answer, of a known length or in chunks.
fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !is_chunked {
        exactly(stream, length, &mut body)?;
        return Ok(body);
    }
    loop {
        let size = u64::from_str_radix(&line(stream)?, 16).map_err(io::Error::other)?;
        exactly(stream, size, &mut body)?;
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if stream.take(ANSWER_BYTES).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn exactly(stream: &mut BufReader<TcpStream>, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if length > ANSWER_BYTES || stream.take(length).read_to_end(body)? as u64 != length {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long, or broke off"));
    }
    Ok(())
}

fn refused(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "ask the provider", "the connection gave no answer").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of an answer, by a server that says it and goes away.
    fn asked(said: &'static [u8]) -> Result<String> {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", server.local_addr().unwrap());
        let saying = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(said).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let body = Request::new(&address, "POST /run", &[("x-key", "k")], b"true", "done").unwrap().send();
        let request = saying.join().unwrap();
        assert!(request.starts_with("POST /run HTTP/1.1\r\n") && request.contains("x-key: k\r\n"), "{request}");
        assert!(request.ends_with("content-length: 4\r\n\r\ntrue"), "{request}");
        body
    }

    #[test]
    fn answers_are_read_to_their_end_and_have_to_prove_themselves() {
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").unwrap(), "done");
        let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ndo\r\n2\r\nne\r\n0\r\n\r\n";
        assert_eq!(asked(chunks).unwrap(), "done");
        assert_eq!(asked(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno").unwrap_err().kind(), ErrorKind::Protocol);
        let broken = asked(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndone").unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::Unavailable);
    }
}
