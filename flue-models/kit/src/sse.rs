//! Server-sent events, pushed in as bytes cut anywhere.
//!
//! After the WHATWG HTML standard, section 9.2, with one deliberate difference: an event that the end of the stream cuts
//! off from its blank line is delivered, because providers leave the blank line out.

use flue_core::{Error, ErrorKind, Result};

/// The most bytes that one event may have: an answer's images arrive as base64 in a single event.
pub const MAX_EVENT_BYTES: usize = 64 * 1024 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseEvent<'a> {
    /// Its type; empty when the stream gave none.
    pub name: &'a str,
    /// Its data: the data lines, joined with `\n`. Bytes that are not UTF-8 became U+FFFD.
    pub data: &'a str,
}

/// A push parser. Takes time linear in the bytes fed, however they are cut.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    started: bool,
    after_cr: bool,
}

impl SseParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives every event that they complete to `sink`.
    ///
    /// # Errors
    /// The first error of `sink`; [`ErrorKind::LimitExceeded`] for an event longer than [`MAX_EVENT_BYTES`].
    pub fn feed(&mut self, mut chunk: &[u8], mut sink: impl FnMut(SseEvent<'_>) -> Result<()>) -> Result<()> {
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                continue;
            }
            let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.bound(chunk.len())?;
                self.line.extend_from_slice(chunk);
                return Ok(());
            };
            self.bound(end)?;
            self.after_cr = chunk[end] == b'\r';
            if self.line.is_empty() {
                self.take_line(&chunk[..end], &mut sink)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&chunk[..end]);
                let taken = self.take_line(&line, &mut sink);
                line.clear();
                self.line = line;
                taken?;
            }
            chunk = &chunk[end + 1..];
        }
        Ok(())
    }

    /// Takes the end of the stream and gives the event that it cut off, if any, to `sink`.
    ///
    /// # Errors
    /// The error of `sink`.
    pub fn finish(&mut self, mut sink: impl FnMut(SseEvent<'_>) -> Result<()>) -> Result<()> {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, &mut sink)?;
        }
        self.dispatch(&mut sink)
    }

    fn bound(&self, more: usize) -> Result<()> {
        if self.line.len() + self.data.len() + more > MAX_EVENT_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read model stream", "one event is too long")
                .with("limit_bytes", MAX_EVENT_BYTES));
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], sink: &mut impl FnMut(SseEvent<'_>) -> Result<()>) -> Result<()> {
        let line =
            if std::mem::replace(&mut self.started, true) { line } else { line.strip_prefix(BOM).unwrap_or(line) };
        if line.is_empty() {
            return self.dispatch(sink);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                let value = &line[colon + 1..];
                (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match field {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            // Comments (an empty field name), `id`, `retry` and whatever comes next.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(SseEvent<'_>) -> Result<()>) -> Result<()> {
        let given = if std::mem::take(&mut self.has_data) {
            let name = String::from_utf8_lossy(&self.name);
            let data = String::from_utf8_lossy(&self.data);
            sink(SseEvent { name: &name, data: &data })
        } else {
            Ok(())
        };
        self.name.clear();
        self.data.clear();
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut events = Vec::new();
        let mut parser = SseParser::new();
        let mut sink = |event: SseEvent<'_>| {
            events.push((event.name.to_owned(), event.data.to_owned()));
            Ok(())
        };
        for chunk in chunks {
            parser.feed(chunk, &mut sink).unwrap();
        }
        parser.finish(&mut sink).unwrap();
        events
    }

    fn expect(input: &[u8], expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, data)| (name.to_string(), data.to_string())).collect();
        assert_eq!(parse(&[input]), expected, "{:?}", String::from_utf8_lossy(input));
        for cut in 0..=input.len() {
            assert_eq!(parse(&[&input[..cut], &input[cut..]]), expected, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(parse(&bytes), expected, "byte by byte");
    }

    #[test]
    fn reads_every_form_at_every_cut() {
        expect(b"data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
        expect(b"event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", &[("x", "a"), ("", "b")]);
        expect(b"event: x\rdata: a\r\rdata: b\r\r", &[("x", "a"), ("", "b")]);
        expect(b"\xEF\xBB\xBFdata: a\n\n", &[("", "a")]);
        expect(b": OPENROUTER PROCESSING\n\n:\n\ndata: a\n\n", &[("", "a")]);
        expect(b"data: a\ndata:\ndata:  b\n\n", &[("", "a\n\n b")]);
        expect(b"event: x\n\ndata: a\n\n", &[("", "a")]);
        expect(b"data\n\n", &[("", "")]);
        expect(b"id: 7\nretry: 10\nother: y\ndata: \xC3\xA9\xF0\x9F\x98\x80\n\n", &[("", "é😀")]);
        expect(b"data: bad \xFF byte\n\ndata: b\n\n", &[("", "bad \u{FFFD} byte"), ("", "b")]);
    }

    #[test]
    fn the_end_of_the_stream_completes_the_last_event() {
        expect(b"data: a\n\nevent: x\ndata: b\n", &[("", "a"), ("x", "b")]);
        expect(b"data: a\n\nevent: x\ndata: b", &[("", "a"), ("x", "b")]);
        expect(b"", &[]);
        expect(b"event: x", &[]);
    }

    #[test]
    fn an_event_without_end_is_stopped_at_the_limit() {
        let mut parser = SseParser::new();
        let chunk = vec![b'x'; MAX_EVENT_BYTES / 4];
        let mut sink = |_: SseEvent<'_>| Ok(());
        for _ in 0..4 {
            parser.feed(&chunk, &mut sink).unwrap();
        }
        assert_eq!(parser.feed(b"x", &mut sink).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
