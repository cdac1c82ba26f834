//! Reading requests from a connection.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::Request;

/// Longest head of a request, in bytes: what servers in Go take.
const MAX_HEAD: usize = 1 << 20;
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Longest body of a request, in bytes: room for the largest file that a test uploads.
const MAX_BODY: usize = 512 << 20;

/// Reads the next request; none when the other side has closed.
pub(crate) async fn request(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if line(stream, &mut head).await? == 0 {
            return Ok(None);
        }
        if head.len() > MAX_HEAD {
            return Err(invalid("the head of a request is too long"));
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&head).map_err(|error| invalid(&error.to_string()))?;
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or("").to_owned(),
        path: path.to_owned(),
        query: pairs(query),
        headers: parsed
            .headers
            .iter()
            .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned()))
            .collect(),
        body: Vec::new(),
        die_after: None,
    };
    request.body = if request.header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        chunks(stream).await?
    } else {
        let length = request.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        exactly(stream, length).await?
    };
    Ok(Some(request))
}

/// Appends one line with its end; how many bytes it had.
async fn line(stream: &mut (impl AsyncBufRead + Unpin), into: &mut Vec<u8>) -> io::Result<usize> {
    stream.take(MAX_HEAD as u64).read_until(b'\n', into).await
}

async fn exactly(stream: &mut (impl AsyncBufRead + Unpin), length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(invalid("the body of a request is too long"));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn chunks(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut head = Vec::new();
        line(stream, &mut head).await?;
        let head = String::from_utf8_lossy(&head);
        let size = head.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk without a size"))?;
        if size.saturating_add(body.len()) > MAX_BODY {
            return Err(invalid("the body of a request is too long"));
        }
        body.extend(exactly(stream, size).await?);
        line(stream, &mut Vec::new()).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// The pairs of a query, decoded.
fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Undoes the encoding of a query: `%XX` is a byte, `+` a space.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
