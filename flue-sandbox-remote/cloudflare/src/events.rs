//! The stream of a command: server-sent events, whose output is base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, BytesMut};
use flue_core::{Error, ErrorKind, OutputStream, Result};
use serde::Deserialize;

/// The longest event that is taken: what a container writes at once, and base64 around it.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// What a stream tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Output(OutputStream, Vec<u8>),
    Exited(i32),
    /// It went wrong, in the bridge's words.
    Failed {
        code: String,
        said: String,
    },
}

#[derive(Deserialize)]
struct Exit {
    exit_code: i32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Failure {
    code: String,
    error: String,
}

/// Cuts what comes into events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: BytesMut,
    /// How much of the buffer was looked through.
    looked: usize,
}

impl Events {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event, if it is there as a whole. Those that are not known are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for what is no event.
    pub(crate) fn next(&mut self) -> Result<Option<Told>> {
        loop {
            let from = self.looked.saturating_sub(1);
            let Some(end) = self.buffer[from..].windows(2).position(|pair| pair == b"\n\n") else {
                self.looked = self.buffer.len();
                if self.looked > MAX_EVENT_BYTES {
                    return Err(broken().with("limit", MAX_EVENT_BYTES));
                }
                return Ok(None);
            };
            let event = self.buffer.split_to(from + end);
            self.buffer.advance(2);
            self.looked = 0;
            if let Some(told) = told(&event)? {
                return Ok(Some(told));
            }
        }
    }
}

fn told(event: &[u8]) -> Result<Option<Told>> {
    let text = std::str::from_utf8(event).map_err(|error| broken().with_source(error))?;
    let (mut name, mut data) = ("", String::new());
    for line in text.lines() {
        match line.split_once(':').map(|(field, value)| (field, value.strip_prefix(' ').unwrap_or(value))) {
            Some(("event", value)) => name = value,
            Some(("data", value)) => data.push_str(value),
            _ => {}
        }
    }
    let output = |stream| {
        let bytes = STANDARD.decode(&data).map_err(|error| broken().with_source(error))?;
        Ok(Some(Told::Output(stream, bytes)))
    };
    match name {
        "stdout" => output(OutputStream::Stdout),
        "stderr" => output(OutputStream::Stderr),
        "exit" => {
            let Exit { exit_code } = serde_json::from_str(&data).map_err(|error| broken().with_source(error))?;
            Ok(Some(Told::Exited(exit_code)))
        }
        "error" => {
            let Failure { code, error } = serde_json::from_str(&data).unwrap_or_default();
            Ok(Some(Told::Failed { code, said: error }))
        }
        _ => Ok(None),
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Protocol, "exec", "the bridge's stream is not what it should be; look at its version")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "event: stdout\ndata: AP8=\n\n: alive\n\nevent: news\ndata: 1\n\nevent: stderr\ndata: YQ==\n\n\
        event: exit\ndata: {\"exit_code\":3}\n\nevent: error\ndata: {\"error\":\"gone\",\"code\":\"exec_error\"}\n\n";

    fn all(pieces: &[&[u8]]) -> Result<Vec<Told>> {
        let (mut events, mut told) = (Events::default(), Vec::new());
        for piece in pieces {
            events.push(piece);
            while let Some(next) = events.next()? {
                told.push(next);
            }
        }
        Ok(told)
    }

    #[test]
    fn a_stream_is_the_same_wherever_it_is_cut() {
        let stream = STREAM.as_bytes();
        let whole = [
            Told::Output(OutputStream::Stdout, vec![0, 255]),
            Told::Output(OutputStream::Stderr, b"a".to_vec()),
            Told::Exited(3),
            Told::Failed { code: "exec_error".into(), said: "gone".into() },
        ];
        for cut in 0..=stream.len() {
            assert_eq!(all(&[&stream[..cut], &stream[cut..]]).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_kept_without_end() {
        for garbage in [&b"event: stdout\ndata: ?\n\n"[..], b"event: exit\ndata: {}\n\n", b"event: \xff\n\n"] {
            assert_eq!(all(&[garbage]).unwrap_err().kind(), ErrorKind::Protocol, "{garbage:?}");
        }
        let endless = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert_eq!(all(&[&endless]).unwrap_err().kind(), ErrorKind::Protocol);
    }
}
