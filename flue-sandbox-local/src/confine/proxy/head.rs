//! What a client asks the proxy for.

use std::fmt::Write as _;

/// The longest request line and headers, in bytes.
pub(super) const HEAD_BYTES: usize = 32 << 10;
/// The most headers.
const MAX_HEADERS: usize = 128;
/// Headers that are for the proxy alone, or say something that is said anew.
const NOT_PASSED_ON: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "host", "te"];

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A connection, to say whatever it is that goes over it.
    Tunnel,
    /// One request, which is sent on as this head and so many bytes that follow.
    Request { head: String, body_bytes: u64 },
}

/// Why a request is not understood: a status and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad(pub(super) &'static str, pub(super) &'static str);

const MALFORMED: Bad = Bad("400 Bad Request", "the request is malformed");

/// Reads a head, once it is whole. Gives how many bytes it has.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(usize, Asked)>, Bad> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Bad("431 Request Header Fields Too Large", "the request's head is too long"));
        }
        Err(_) => return Err(MALFORMED),
    };
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(MALFORMED) };
    if method == "CONNECT" {
        let (host, port) = authority(target, None)?;
        return Ok(Some((length, Asked { host, port, what: What::Tunnel })));
    }
    let Some(rest) = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")).map(|_| &target[7..])
    else {
        return Err(Bad("400 Bad Request", "this is a proxy; ask it for http:// URLs, or to CONNECT"));
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority_text, path) = rest.split_at(end);
    let (host, port) = authority(authority_text, Some(80))?;
    let body_bytes = body_bytes(request.headers)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {authority_text}\r\nConnection: close\r\n");
    for header in request.headers.iter() {
        if NOT_PASSED_ON.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
            continue;
        }
        let value = std::str::from_utf8(header.value).map_err(|_| MALFORMED)?;
        // Writing to a string does not fail.
        let _ = write!(head, "{}: {value}\r\n", header.name);
    }
    head.push_str("\r\n");
    Ok(Some((length, Asked { host, port, what: What::Request { head, body_bytes } })))
}

/// `host:port`, or `host` where there is a port to be taken.
fn authority(text: &str, usual: Option<u16>) -> Result<(String, u16), Bad> {
    if text.contains('@') {
        return Err(Bad("400 Bad Request", "a URL for the proxy has no user name in it"));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| MALFORMED)?)
        }
        _ => (text, usual.ok_or(MALFORMED)?),
    };
    if host.is_empty() { Err(MALFORMED) } else { Ok((host.to_owned(), port)) }
}

/// How many bytes follow the head. What follows them would be another request, for which nobody asked.
fn body_bytes(headers: &[httparse::Header<'_>]) -> Result<u64, Bad> {
    let mut found = None;
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Bad("411 Length Required", "the proxy takes requests of a stated length; set Content-Length"));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| MALFORMED)?;
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let length = text.parse().ok().filter(|_| digits).ok_or(MALFORMED)?;
            if found.replace(length).is_some() {
                return Err(MALFORMED);
            }
        }
    }
    Ok(found.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Option<(usize, Asked)>, Bad> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
        for cut in 0..text.len() {
            assert_eq!(asked(&text[..cut]), Ok(None), "{cut}");
        }
        let expected = Asked { host: "example.com".into(), port: 443, what: What::Tunnel };
        assert_eq!(asked(&format!("{text}more")), Ok(Some((text.len(), expected))));
    }

    #[test]
    fn a_request_is_sent_on_to_its_own_host_alone() {
        let text = "POST HTTP://example.com:8080?q HTTP/1.1\r\nhost: evil.org\r\nProxy-Connection: keep-alive\r\n\
                    Content-Length: 3\r\nX-A: b\r\n\r\nabc";
        let (length, asked) = asked(text).unwrap().unwrap();
        assert_eq!((&*asked.host, asked.port, length), ("example.com", 8080, text.len() - 3));
        let head =
            "POST /?q HTTP/1.1\r\nHost: example.com:8080\r\nConnection: close\r\nContent-Length: 3\r\nX-A: b\r\n\r\n";
        assert_eq!(asked.what, What::Request { head: head.into(), body_bytes: 3 });
    }

    #[test]
    fn an_address_keeps_its_brackets() {
        let (_, asked) = asked("GET http://[::1]/x HTTP/1.1\r\n\r\n").unwrap().unwrap();
        assert_eq!((&*asked.host, asked.port), ("[::1]", 80));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET https://example.com/ HTTP/1.1\r\n\r\n",
            "GET http:// HTTP/1.1\r\n\r\n",
            "GET http://a@example.com/ HTTP/1.1\r\n\r\n",
            "GET http://example.com:/ HTTP/1.1\r\n\r\n",
            "GET http://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "GET http://example.com/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "GET http://example.com/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "CONNECT example.com HTTP/1.1\r\n\r\n",
            "CONNECT :443 HTTP/1.1\r\n\r\n",
            "garbage\r\n\r\n",
        ] {
            assert!(asked(text).is_err(), "{text}");
        }
        assert_eq!(asked(&"x".repeat(HEAD_BYTES)).unwrap_err().0, "431 Request Header Fields Too Large");
    }
}
