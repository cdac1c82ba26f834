//! As much of HTTP/1.1 as the server needs: requests whose length is told, one after the other.

use std::io::{Error, ErrorKind, Result};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::clock::monotonic_ns;

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 64 << 10;
/// The longest body, in bytes.
const MAX_BODY: usize = 64 << 20;

/// What comes before a streamed answer.
pub(super) const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
/// What ends one.
pub(super) const LAST_CHUNK: &str = "0\r\n\r\n";

/// A request.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    /// When its first byte was seen, in nanoseconds.
    pub(super) arrive: u64,
    pub(super) body: Vec<u8>,
}

/// Cuts requests out of what a connection brings.
#[derive(Default)]
pub(super) struct Reader {
    unread: Vec<u8>,
}

impl Reader {
    /// The next request; `None` when the client has gone.
    pub(super) async fn next(&mut self, socket: &mut TcpStream) -> Result<Option<Incoming>> {
        const BLANK_LINE: &[u8] = b"\r\n\r\n";
        let mut arrive = (!self.unread.is_empty()).then(monotonic_ns);
        let body_at = loop {
            let found = self.unread.windows(BLANK_LINE.len()).position(|window| window == BLANK_LINE);
            if let Some(at) = found {
                break at + BLANK_LINE.len();
            }
            if self.unread.len() > MAX_HEAD || !self.more(socket).await? {
                return Ok(None);
            }
            arrive.get_or_insert_with(monotonic_ns);
        };
        let head = String::from_utf8_lossy(&self.unread[..body_at]);
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let length = content_length(&head).ok_or_else(|| Error::new(ErrorKind::InvalidData, "no usable length"))?;
        let end = body_at + length;
        self.unread.reserve(end.saturating_sub(self.unread.len()));
        while self.unread.len() < end {
            if !self.more(socket).await? {
                return Ok(None);
            }
        }
        let body = self.unread[body_at..end].to_vec();
        self.unread.drain(..end);
        Ok(Some(Incoming { method, path, arrive: arrive.unwrap_or_default(), body }))
    }

    async fn more(&mut self, socket: &mut TcpStream) -> Result<bool> {
        Ok(socket.read_buf(&mut self.unread).await? > 0)
    }
}

/// How long the body is; 0 when the head does not say, `None` when it is too long or cannot be told.
fn content_length(head: &str) -> Option<usize> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let Some((_, value)) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length")) else {
        return Some(0);
    };
    value.trim().parse().ok().filter(|length| *length <= MAX_BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded_and_default_to_nothing() {
        assert_eq!(content_length("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n"), Some(12));
        assert_eq!(content_length("GET / HTTP/1.1\r\nhost: a\r\n\r\n"), Some(0));
        assert_eq!(content_length("POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"), None);
        assert_eq!(content_length(&format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", MAX_BODY + 1)), None);
    }
}
