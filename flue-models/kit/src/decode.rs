//! Bytes of a reply to events, without a socket.

use flue_core::model::ModelEvent;
use flue_core::{Error, ErrorKind, Result};

use crate::{Codec, Decoder, SseEvent, SseParser};

/// The most bytes that a reply may have: a decoder may have to keep all of it until its end.
pub const MAX_REPLY_BYTES: usize = 64 * 1024 * 1024;

/// How a reply is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFormat {
    /// Server-sent events.
    Events,
    /// Frames of `application/vnd.amazon.eventstream`, given to the decoder as events.
    #[cfg(feature = "event-stream")]
    Frames,
    /// One JSON document.
    Whole,
}

impl ReplyFormat {
    /// The format that a `content-type` header announces. Anything but JSON is taken for events, which some servers
    /// label `text/plain` or not at all.
    pub fn of(content_type: Option<&str>) -> Self {
        match content_type.and_then(|value| value.split(';').next()) {
            Some(essence) if essence.trim().eq_ignore_ascii_case("application/json") => Self::Whole,
            #[cfg(feature = "event-stream")]
            Some(essence) if essence.trim().eq_ignore_ascii_case("application/vnd.amazon.eventstream") => Self::Frames,
            _ => Self::Events,
        }
    }
}

/// One reply being decoded: bytes in, events out, nothing after [`ModelEvent::Finished`].
pub struct Decoding {
    decoder: Box<dyn Decoder>,
    source: Source,
    taken: usize,
    finished: bool,
}

enum Source {
    Events(SseParser),
    #[cfg(feature = "event-stream")]
    Frames(crate::FrameParser),
    Whole(Vec<u8>),
}

impl Decoding {
    /// Starts on a reply in `format`.
    pub fn new(decoder: Box<dyn Decoder>, format: ReplyFormat) -> Self {
        let source = match format {
            ReplyFormat::Events => Source::Events(SseParser::new()),
            #[cfg(feature = "event-stream")]
            ReplyFormat::Frames => Source::Frames(crate::FrameParser::new()),
            ReplyFormat::Whole => Source::Whole(Vec::new()),
        };
        Self { decoder, source, taken: 0, finished: false }
    }

    /// Whether [`ModelEvent::Finished`] was given.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// The decoder's; [`ErrorKind::LimitExceeded`] past [`MAX_REPLY_BYTES`].
    pub fn feed(&mut self, chunk: &[u8], out: &mut Vec<ModelEvent>) -> Result<()> {
        self.taken = self.taken.saturating_add(chunk.len());
        if self.taken > MAX_REPLY_BYTES {
            return Err(Error::new(ErrorKind::LimitExceeded, "read model reply", "the reply is too long")
                .with("limit_bytes", MAX_REPLY_BYTES));
        }
        let (decoder, finished) = (&mut self.decoder, &mut self.finished);
        let take = |event: SseEvent<'_>| {
            if !*finished {
                let seen = out.len();
                decoder.event(event, out)?;
                *finished = seal(out, seen);
            }
            Ok(())
        };
        match &mut self.source {
            Source::Events(parser) => parser.feed(chunk, take),
            #[cfg(feature = "event-stream")]
            Source::Frames(parser) => parser.feed(chunk, take),
            Source::Whole(body) => {
                body.extend_from_slice(chunk);
                Ok(())
            }
        }
    }

    /// Takes the end of the reply. When it is `Ok`, [`ModelEvent::Finished`] has been given.
    ///
    /// # Errors
    /// The decoder's, which include that the turn is not complete.
    pub fn end(&mut self, out: &mut Vec<ModelEvent>) -> Result<()> {
        let (decoder, finished) = (&mut self.decoder, &mut self.finished);
        if *finished {
            return Ok(());
        }
        match &mut self.source {
            Source::Events(parser) => {
                parser.finish(|event| {
                    let seen = out.len();
                    decoder.event(event, out)?;
                    *finished = seal(out, seen);
                    Ok(())
                })?;
                if !*finished {
                    let seen = out.len();
                    decoder.end(out)?;
                    *finished = seal(out, seen);
                }
            }
            #[cfg(feature = "event-stream")]
            Source::Frames(parser) => {
                parser.finish()?;
                let seen = out.len();
                decoder.end(out)?;
                *finished = seal(out, seen);
            }
            Source::Whole(body) => {
                let seen = out.len();
                decoder.whole(&std::mem::take(body), out)?;
                *finished = seal(out, seen);
            }
        }
        if *finished { Ok(()) } else { Err(crate::cut_off("the end of the turn")) }
    }
}

/// Whether the turn finished among the events after `seen`; drops what a decoder gave past that.
fn seal(out: &mut Vec<ModelEvent>, seen: usize) -> bool {
    match out[seen..].iter().position(|event| matches!(event, ModelEvent::Finished(_))) {
        Some(end) => {
            out.truncate(seen + end + 1);
            true
        }
        None => false,
    }
}

/// Decodes a whole recorded reply, cut into `chunks`.
///
/// # Errors
/// As [`Decoding::feed`] and [`Decoding::end`].
pub fn decode(codec: &dyn Codec, format: ReplyFormat, chunks: &[&[u8]]) -> Result<Vec<ModelEvent>> {
    let mut decoding = Decoding::new(codec.decoder(), format);
    let mut events = Vec::new();
    for chunk in chunks {
        decoding.feed(chunk, &mut events)?;
    }
    decoding.end(&mut events)?;
    Ok(events)
}
