//! Frames: how messages are cut into pieces and put together again.

use std::fmt;

use bytes::Bytes;

/// Bytes of a frame's header.
pub(crate) const HEADER_BYTES: usize = 12;
/// The most bytes of a frame after its header.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 64 << 10;
/// Set on the last frame of a message.
const LAST: u8 = 1;

/// What the other side did that no honest one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Violation {}

/// What a message is. The number is what goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Setup = 1,
    Call = 2,
    Cancel = 3,
    Answer = 4,
    Ready = 17,
    Live = 18,
    Reply = 19,
    Command = 20,
    Drop = 21,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Setup,
        Self::Call,
        Self::Cancel,
        Self::Answer,
        Self::Ready,
        Self::Live,
        Self::Reply,
        Self::Command,
        Self::Drop,
    ];
}

/// What stands before each piece: kind, flags, two zero bytes, number and length, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Whether the message ends with this piece.
    pub(crate) last: bool,
    /// Which call or command it belongs to.
    pub(crate) id: u32,
    /// Bytes that follow.
    pub(crate) len: usize,
}

impl Header {
    pub(crate) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = if self.last { LAST } else { 0 };
        bytes[4..8].copy_from_slice(&self.id.to_le_bytes());
        // Bounded far below 2^32 by what makes the pieces.
        bytes[8..].copy_from_slice(&u32::try_from(self.len).unwrap_or(u32::MAX).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, Violation> {
        let [kind, flags, zero, zero_too, i0, i1, i2, i3, l0, l1, l2, l3] = bytes;
        let kind =
            Kind::ALL.into_iter().find(|known| *known as u8 == kind).ok_or(Violation("an unknown kind of frame"))?;
        if flags > LAST || zero != 0 || zero_too != 0 {
            return Err(Violation("unknown flags"));
        }
        let last = flags == LAST;
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        if len > MAX_PAYLOAD_BYTES {
            return Err(Violation("a frame that is too long"));
        }
        // Frames that carry nothing and end nothing could go on for ever.
        if len == 0 && !last {
            return Err(Violation("an empty frame"));
        }
        Ok(Self { kind, last, id: u32::from_le_bytes([i0, i1, i2, i3]), len })
    }
}

/// A message that is being sent: its parts, one after the other, in frames.
#[derive(Debug)]
pub(crate) struct Frames {
    kind: Kind,
    id: u32,
    parts: Vec<Bytes>,
    left: usize,
    done: bool,
}

impl Frames {
    pub(crate) fn new(kind: Kind, id: u32, parts: Vec<Bytes>) -> Self {
        let left = parts.iter().map(Bytes::len).sum();
        Self { kind, id, parts, left, done: false }
    }

    /// A message that is its kind and number and nothing else.
    pub(crate) fn bare(kind: Kind, id: u32) -> Self {
        Self::new(kind, id, Vec::new())
    }

    /// Adds the next frame to `out`. False when there is none left.
    pub(crate) fn next_into(&mut self, out: &mut Vec<u8>) -> bool {
        if self.done {
            return false;
        }
        let len = self.left.min(MAX_PAYLOAD_BYTES);
        self.left -= len;
        self.done = self.left == 0;
        out.reserve(HEADER_BYTES + len);
        out.extend_from_slice(&Header { kind: self.kind, last: self.done, id: self.id, len }.encode());
        let mut wanted = len;
        while let Some(part) = self.parts.first_mut() {
            let piece = part.split_to(part.len().min(wanted));
            out.extend_from_slice(&piece);
            wanted -= piece.len();
            if !part.is_empty() {
                break;
            }
            self.parts.remove(0);
        }
        true
    }
}

/// A message that is being received: its pieces so far, never more than a limit.
#[derive(Debug)]
pub(crate) struct Assembly {
    data: Vec<u8>,
    limit: usize,
}

impl Assembly {
    pub(crate) fn new(limit: usize) -> Self {
        Self { data: Vec::new(), limit }
    }

    /// Adds a piece; the whole message when it was the last.
    pub(crate) fn add(&mut self, piece: &[u8], last: bool) -> Result<Option<Bytes>, Violation> {
        if piece.len() > self.limit.saturating_sub(self.data.len()) {
            return Err(Violation("a message that is longer than what was asked for can be"));
        }
        self.data.extend_from_slice(piece);
        Ok(last.then(|| Bytes::from(std::mem::take(&mut self.data))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sizes: &[usize]) -> Vec<Bytes> {
        let noise = |size: usize| (0..size).map(|index| (index * 7 + index / 251) as u8).collect::<Vec<u8>>();
        sizes.iter().map(|size| noise(*size).into()).collect()
    }

    fn header(frame: &[u8]) -> Result<Header, Violation> {
        Header::decode(frame[..HEADER_BYTES].try_into().unwrap())
    }

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        for sizes in
            [&[][..], &[0], &[1], &[3, 0, 5], &[MAX_PAYLOAD_BYTES], &[10, MAX_PAYLOAD_BYTES], &[200_000, 1, 70_000]]
        {
            let parts = parts(sizes);
            let sent = parts.concat();
            let mut frames = Frames::new(Kind::Reply, 0xfeed, parts);
            let mut assembly = Assembly::new(sent.len());
            let (mut frame, mut arrived) = (Vec::new(), None);
            while frames.next_into(&mut frame) {
                let header = header(&frame).unwrap();
                assert_eq!((header.kind, header.id, header.len), (Kind::Reply, 0xfeed, frame.len() - HEADER_BYTES));
                assert!(arrived.is_none(), "a frame after the last one");
                arrived = assembly.add(&frame[HEADER_BYTES..], header.last).unwrap();
                frame.clear();
            }
            assert_eq!(arrived.unwrap(), sent, "{sizes:?}");
        }
    }

    #[test]
    fn no_header_is_taken_that_is_not_exactly_right() {
        let good = Header { kind: Kind::Live, last: false, id: 7, len: MAX_PAYLOAD_BYTES };
        let bytes = good.encode();
        assert_eq!(Header::decode(bytes), Ok(good));
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes;
            bytes[at] = to;
            Header::decode(bytes)
        };
        for kind in (0..=255).filter(|kind| !Kind::ALL.iter().any(|known| *known as u8 == *kind)) {
            assert_eq!(changed(0, kind), Err(Violation("an unknown kind of frame")), "{kind}");
        }
        assert_eq!(changed(1, 2), Err(Violation("unknown flags")));
        assert_eq!(changed(2, 1), Err(Violation("unknown flags")));
        assert_eq!(changed(8, 1), Err(Violation("a frame that is too long")));
        assert_eq!(changed(11, 0xff), Err(Violation("a frame that is too long")));
        assert_eq!(Header::decode(Header { len: 0, ..good }.encode()), Err(Violation("an empty frame")));
    }

    #[test]
    fn nothing_is_kept_beyond_the_limit() {
        let mut assembly = Assembly::new(10);
        assert_eq!(assembly.add(b"12345", false), Ok(None));
        assert!(assembly.add(b"123456", true).is_err());
        assert_eq!(assembly.add(b"67890", true).unwrap().unwrap(), "1234567890");
    }
}
