//! Frames of `application/vnd.amazon.eventstream`, pushed in as bytes cut anywhere.
//!
//! A frame is: its length, the length of its headers, a checksum of these eight bytes, headers, payload, a checksum of all
//! before it; numbers are big-endian, checksums CRC-32. After the encoding's specification in AWS's documentation.

use flue_core::{Error, ErrorKind, Result, Retry};

use crate::SseEvent;
use crate::failure::OPERATION;

/// The most bytes that one frame may have; the specification allows a payload of 24 MiB.
pub const MAX_FRAME_BYTES: usize = 25 * 1024 * 1024;

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const CHECKSUM: usize = 4;

/// The header types whose values have a fixed length, by their numbers: true, false, byte, short, integer, long, then
/// those that say their length, then timestamp and UUID.
const FIXED: [Option<usize>; 10] =
    [Some(0), Some(0), Some(1), Some(2), Some(4), Some(8), None, None, Some(8), Some(16)];

/// A push parser. It gives each frame as an event: the name is its `:event-type`, or for an exception its
/// `:exception-type`, and the data its payload.
#[derive(Debug, Default)]
pub struct FrameParser {
    buffer: Vec<u8>,
}

impl FrameParser {
    /// A parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives every frame that they complete to `sink`.
    ///
    /// # Errors
    /// The first error of `sink`; [`ErrorKind::Protocol`] for bytes that are no frame, [`ErrorKind::LimitExceeded`] for a
    /// frame longer than [`MAX_FRAME_BYTES`].
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(SseEvent<'_>) -> Result<()>) -> Result<()> {
        self.buffer.extend_from_slice(chunk);
        let mut taken = 0;
        while let Some(length) = frame_length(&self.buffer[taken..])? {
            let Some(frame) = self.buffer[taken..].get(..length) else { break };
            let (name, payload) = read(frame)?;
            sink(SseEvent { name: &name, data: &String::from_utf8_lossy(payload) })?;
            taken += length;
        }
        self.buffer.drain(..taken);
        Ok(())
    }

    /// Takes the end of the stream.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] when it cuts a frame.
    pub fn finish(&mut self) -> Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { Err(crate::cut_off("the end of a frame")) }
    }
}

/// How long the frame is that begins here, once its prelude is there.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
    check(&prelude[..PRELUDE - CHECKSUM], &prelude[PRELUDE - CHECKSUM..])?;
    let [length, headers] = [number(prelude), number(&prelude[4..])];
    if length > MAX_FRAME_BYTES {
        return Err(Error::new(ErrorKind::LimitExceeded, OPERATION, "one frame of the reply is too long")
            .with("limit_bytes", MAX_FRAME_BYTES));
    }
    if headers > length || length - headers < PRELUDE + CHECKSUM {
        return Err(broken("its lengths contradict each other"));
    }
    Ok(Some(length))
}

/// The name and the payload of a whole frame.
fn read(frame: &[u8]) -> Result<(String, &[u8])> {
    let (content, checksum) = frame.split_at(frame.len() - CHECKSUM);
    check(content, checksum)?;
    let (headers, payload) = content[PRELUDE..].split_at(number(&frame[4..]));
    let mut name = String::new();
    let mut rest = headers;
    while let Some((&length, after)) = rest.split_first() {
        let (key, after) = split(after, length.into())?;
        let (kind, after) = split(after, 1)?;
        let (value, after) = match FIXED.get(usize::from(kind[0])) {
            Some(Some(length)) => split(after, *length)?,
            Some(None) => {
                let (length, after) = split(after, 2)?;
                split(after, usize::from(u16::from_be_bytes([length[0], length[1]])))?
            }
            None => return Err(broken("a header has an unknown type")),
        };
        if matches!(key, b":event-type" | b":exception-type" | b":error-code") {
            name = String::from_utf8_lossy(value).into_owned();
        }
        rest = after;
    }
    Ok((name, payload))
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8])> {
    bytes.split_at_checked(at).ok_or_else(|| broken("a header is longer than all of them"))
}

fn number(bytes: &[u8]) -> usize {
    bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize)
}

fn check(bytes: &[u8], checksum: &[u8]) -> Result<()> {
    if crc32fast::hash(bytes) as usize == number(checksum) { Ok(()) } else { Err(broken("its checksum is wrong")) }
}

fn broken(why: &str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION, format!("a frame of the reply cannot be read: {why}"))
        .with("phase", "stream")
        .with_retry(Retry::Backoff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with these headers, each of type string.
    fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (name, value) in headers {
            encoded.push(u8::try_from(name.len()).unwrap());
            encoded.extend_from_slice(name.as_bytes());
            encoded.push(7);
            encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            encoded.extend_from_slice(value.as_bytes());
        }
        let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let mut frame = number(PRELUDE + encoded.len() + payload.len() + CHECKSUM).to_vec();
        frame.extend_from_slice(&number(encoded.len()));
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&encoded);
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame
    }

    fn parse(chunks: &[&[u8]]) -> Result<Vec<(String, String)>> {
        let mut events = Vec::new();
        let mut parser = FrameParser::new();
        for chunk in chunks {
            parser.feed(chunk, |event| {
                events.push((event.name.to_owned(), event.data.to_owned()));
                Ok(())
            })?;
        }
        parser.finish()?;
        Ok(events)
    }

    #[test]
    fn frames_are_read_at_every_cut_and_told_when_they_are_cut_off() {
        let mut bytes = frame(&[(":message-type", "event"), (":event-type", "messageStart")], "{\"a\":1}");
        let first = bytes.len();
        bytes.extend(frame(&[(":exception-type", "throttlingException"), (":content-type", "x")], ""));
        let expected =
            [("messageStart".to_owned(), "{\"a\":1}".to_owned()), ("throttlingException".to_owned(), String::new())];
        for cut in 0..=bytes.len() {
            assert_eq!(parse(&[&bytes[..cut], &bytes[cut..]]).unwrap(), expected, "cut at {cut}");
            if ![0, first, bytes.len()].contains(&cut) {
                assert_eq!(parse(&[&bytes[..cut]]).unwrap_err().kind(), ErrorKind::Protocol, "ended at {cut}");
            }
        }
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        // An empty frame, from the test vectors that AWS's own libraries share.
        let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 5, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
        assert_eq!(parse(&[&empty]).unwrap(), [(String::new(), String::new())]);
    }

    #[test]
    fn damage_is_told() {
        let bytes = frame(&[(":event-type", "x")], "{}");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(parse(&[&damaged]).unwrap_err().kind(), ErrorKind::Protocol, "byte {at}");
        }
        let mut long = vec![0xff; 8];
        long.extend_from_slice(&crc32fast::hash(&long).to_be_bytes());
        assert_eq!(parse(&[&long]).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
}
