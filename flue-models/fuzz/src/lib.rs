//! What every target does: decode, and hold the outcome against what a decoder has to keep.

use flue_core::Result;
use flue_core::model::ModelEvent;
use flue_models_kit::{Codec, ReplyFormat, decode};

/// Decodes a reply at once and in pieces. The last byte says how long the pieces are.
///
/// # Panics
/// When the decoder does, when a complete turn does not end once and at its end, and when it matters how bytes are cut.
pub fn check(codec: &dyn Codec, format: ReplyFormat, reply: &[u8]) {
    let size = 1 + usize::from(reply.last().copied().unwrap_or(0) % 64);
    let pieces: Vec<&[u8]> = reply.chunks(size).collect();
    let (whole, cut) = (decode(codec, format, &[reply]), decode(codec, format, &pieces));
    if let Ok(events) = &whole {
        let end = events.iter().position(|event| matches!(event, ModelEvent::Finished(_)));
        assert_eq!(end, events.len().checked_sub(1), "does not end once, at its end: {events:?}");
    }
    let (whole, cut) = (told(&whole), told(&cut));
    assert_eq!(whole, cut, "cut into pieces of {size} bytes, something else came out");
}

fn told(outcome: &Result<Vec<ModelEvent>>) -> String {
    match outcome {
        Ok(events) => format!("{events:#?}"),
        Err(error) => format!("{error:#?}"),
    }
}

/// `bytes` with the right checksums in place of those of each frame of `application/vnd.amazon.eventstream`, as far as there
/// are frames.
pub fn mend_frames(bytes: &mut [u8]) {
    /// Lengths, and with their checksum.
    const LENGTHS: usize = 8;
    const PRELUDE: usize = 12;
    const CHECKSUM: usize = 4;
    let mut rest = bytes;
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if rest.len() < PRELUDE {
            return;
        }
        let sum = crc32fast::hash(&rest[..LENGTHS]);
        rest[LENGTHS..PRELUDE].copy_from_slice(&sum.to_be_bytes());
        if length < PRELUDE + CHECKSUM || rest.len() < length {
            return;
        }
        let (frame, after) = rest.split_at_mut(length);
        let (content, checksum) = frame.split_at_mut(length - CHECKSUM);
        checksum.copy_from_slice(&crc32fast::hash(content).to_be_bytes());
        rest = after;
    }
}
