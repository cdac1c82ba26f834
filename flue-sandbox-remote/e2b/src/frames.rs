//! Messages of a stream in the Connect protocol: a byte of flags, a length of four bytes (big-endian), and JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use flue_core::{Error, ErrorKind, OutputStream, Result};
use serde::Deserialize;
use serde_json::Value;

/// The flag of the message that ends a stream.
const END: u8 = 2;
/// Bytes before a message.
const HEAD_BYTES: usize = 5;
/// The longest message that is taken: `envd` reads 32 KiB of output at a time.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Puts a message into the frame that a request is.
pub(crate) fn request(message: &Value) -> Bytes {
    let message = message.to_string();
    let mut frame = Vec::with_capacity(HEAD_BYTES + message.len());
    frame.push(0);
    frame.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(message.into_bytes());
    frame.into()
}

/// What a stream tells of a process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Started {
        pid: u64,
    },
    Output(OutputStream, Vec<u8>),
    /// It exited with this status, or a signal ended it.
    Ended(Option<i32>),
    /// The stream is over; with an error that has a code and the provider's words.
    Over(Option<(String, String)>),
}

/// Cuts what comes into messages.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
}

#[derive(Deserialize)]
struct Message {
    event: Option<Event>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Event {
    start: Option<Start>,
    data: Option<Data>,
    end: Option<End>,
}

#[derive(Deserialize)]
struct Start {
    pid: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    stdout: Option<String>,
    stderr: Option<String>,
    pty: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct End {
    exit_code: i32,
    exited: bool,
}

#[derive(Deserialize)]
struct Last {
    error: Option<Refusal>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    code: String,
    message: String,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next thing that is told, if a whole message is there.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for what is no message.
    pub(crate) fn next(&mut self) -> Result<Option<Told>> {
        loop {
            let Some((flags, message)) = self.message()? else { return Ok(None) };
            if let Some(told) = told(flags, &message).ok_or_else(broken)? {
                return Ok(Some(told));
            }
        }
    }

    fn message(&mut self) -> Result<Option<(u8, Bytes)>> {
        let Some((head, _)) = self.buffer.split_first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let [flags, len @ ..] = *head;
        let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
        if len > MAX_MESSAGE_BYTES {
            return Err(broken().with("message_bytes", len).with("limit", MAX_MESSAGE_BYTES));
        }
        if self.buffer.len() < HEAD_BYTES + len {
            return Ok(None);
        }
        let mut message = self.buffer.split_to(HEAD_BYTES + len);
        Ok(Some((flags, message.split_off(HEAD_BYTES).freeze())))
    }
}

/// What a message tells: nothing for a sign of life. `None` for what is no message.
fn told(flags: u8, message: &[u8]) -> Option<Option<Told>> {
    if flags & END != 0 {
        let last: Last = serde_json::from_slice(message).ok()?;
        return Some(Some(Told::Over(last.error.map(|error| (error.code, error.message)))));
    }
    if flags != 0 {
        // Compressed, which nobody asked for.
        return None;
    }
    let Some(event) = serde_json::from_slice::<Message>(message).ok()?.event else { return Some(None) };
    if let Some(Start { pid }) = event.start {
        return Some(Some(Told::Started { pid }));
    }
    if let Some(End { exit_code, exited }) = event.end {
        return Some(Some(Told::Ended(exited.then_some(exit_code))));
    }
    let Some(data) = event.data else { return Some(None) };
    let (stream, text) = match (data.stdout.or(data.pty), data.stderr) {
        (Some(text), _) => (OutputStream::Stdout, text),
        (None, Some(text)) => (OutputStream::Stderr, text),
        (None, None) => return Some(None),
    };
    Some(Some(Told::Output(stream, STANDARD.decode(text).ok()?)))
}

fn broken() -> Error {
    let why = "the stream of the process is not what it should be; look at the version of the template";
    Error::new(ErrorKind::Protocol, "exec", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(flags: u8, message: &str) -> Vec<u8> {
        let mut frame = vec![flags];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message.as_bytes());
        frame
    }

    fn all(pieces: &[&[u8]]) -> Result<Vec<Told>> {
        let (mut frames, mut told) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.push(piece);
            while let Some(next) = frames.next()? {
                told.push(next);
            }
        }
        Ok(told)
    }

    #[test]
    fn a_stream_is_the_same_wherever_it_is_cut() {
        let stream = [
            frame(0, r#"{"event":{"start":{"pid":7}}}"#),
            frame(0, r#"{"event":{"keepalive":{}}}"#),
            frame(0, r#"{"event":{"data":{"stdout":"AP8="}}}"#),
            frame(0, r#"{"event":{"data":{"stderr":"YQ=="}}}"#),
            frame(0, r#"{"event":{"news":{}}}"#),
            frame(0, r#"{"event":{"end":{"exitCode":3,"exited":true,"status":"exit status 3"}}}"#),
            frame(2, "{}"),
        ]
        .concat();
        let whole = all(&[&stream]).unwrap();
        assert_eq!(
            whole,
            [
                Told::Started { pid: 7 },
                Told::Output(OutputStream::Stdout, vec![0, 255]),
                Told::Output(OutputStream::Stderr, b"a".to_vec()),
                Told::Ended(Some(3)),
                Told::Over(None),
            ]
        );
        for cut in 0..=stream.len() {
            assert_eq!(all(&[&stream[..cut], &stream[cut..]]).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_signal_is_no_status_and_an_error_has_a_code() {
        let signalled = frame(0, r#"{"event":{"end":{"exitCode":-1,"exited":false,"status":"signal: killed"}}}"#);
        assert_eq!(all(&[&signalled]).unwrap(), [Told::Ended(None)]);
        let over = frame(2, r#"{"error":{"code":"deadline_exceeded","message":"late"}}"#);
        assert_eq!(all(&[&over]).unwrap(), [Told::Over(Some(("deadline_exceeded".into(), "late".into())))]);
    }

    #[test]
    fn garbage_is_an_error_and_never_waits_for_more_than_a_message() {
        for garbage in [&b"\0\0\0\0\x01{"[..], b"\0\xff\xff\xff\xff", b"\x01\0\0\0\x02{}", b"\x02\0\0\0\x01x"] {
            assert_eq!(all(&[garbage]).unwrap_err().kind(), ErrorKind::Protocol, "{garbage:?}");
        }
    }
}
