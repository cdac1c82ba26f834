//! Unpacks gzip data, one member after the other.

use std::io::{Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// What gzip data starts with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What is wrong with packed data, in the words of `gzip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    NotGzip,
    Truncated,
    Checksum,
    Format,
}

impl Damage {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NotGzip => "not in gzip format",
            Self::Truncated => "unexpected end of file",
            Self::Checksum => "invalid compressed data--crc error",
            Self::Format => "invalid compressed data--format violated",
        }
    }
}

pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Unpacks as it is read.
pub(super) struct Unpacker {
    decoder: Option<GzDecoder<Cursor<Vec<u8>>>>,
    garbage: bool,
}

impl Unpacker {
    pub(super) fn new(packed: Vec<u8>) -> Result<Self, Damage> {
        if packed.is_empty() {
            return Err(Damage::Truncated);
        }
        if !is_packed(&packed) {
            return Err(Damage::NotGzip);
        }
        Ok(Self { decoder: Some(GzDecoder::new(Cursor::new(packed))), garbage: false })
    }

    /// Fills `buffer` as far as one read does; zero bytes are the end.
    pub(super) fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Damage> {
        // Nothing asked for is no end.
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.decoder {
            let read = decoder.read(buffer).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => Damage::Truncated,
                ErrorKind::InvalidInput if error.to_string().contains("checksum") => Damage::Checksum,
                _ => Damage::Format,
            })?;
            if read > 0 {
                return Ok(read);
            }
            self.next_member();
        }
        Ok(0)
    }

    /// Whether something follows the members that is none.
    pub(super) fn has_garbage(&self) -> bool {
        self.garbage
    }

    fn next_member(&mut self) {
        let Some(cursor) = self.decoder.take().map(GzDecoder::into_inner) else { return };
        let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let rest = cursor.get_ref().get(start..).unwrap_or_default();
        if is_packed(rest) {
            self.decoder = Some(GzDecoder::new(cursor));
        } else {
            // Tapes are padded with zeros.
            self.garbage = rest.iter().any(|&byte| byte != 0);
        }
    }
}

impl Read for Unpacker {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.next(buffer).map_err(|damage| std::io::Error::new(ErrorKind::InvalidData, damage.text()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: Vec<u8>) -> (Result<Vec<u8>, Damage>, bool) {
        let mut unpacker = match Unpacker::new(packed) {
            Ok(unpacker) => unpacker,
            Err(damage) => return (Err(damage), false),
        };
        let (mut all, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match unpacker.next(&mut buffer) {
                Ok(0) => return (Ok(all), unpacker.has_garbage()),
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(damage) => return (Err(damage), false),
            }
        }
    }

    #[test]
    fn members_follow_each_other() {
        let both = [pack(b"one\n"), pack(b"two\n")].concat();
        assert_eq!(unpack(both.clone()), (Ok(b"one\ntwo\n".to_vec()), false));
        assert_eq!(unpack([both.clone(), vec![0; 9]].concat()), (Ok(b"one\ntwo\n".to_vec()), false));
        assert_eq!(unpack([both, b"x".to_vec()].concat()), (Ok(b"one\ntwo\n".to_vec()), true));
    }

    #[test]
    fn reading_nothing_is_no_end() {
        let mut unpacker = Unpacker::new(pack(b"one")).unwrap();
        assert_eq!(unpacker.next(&mut []), Ok(0));
        assert_eq!(unpacker.next(&mut [0; 9]), Ok(3));
    }

    #[test]
    fn damage_is_named() {
        assert_eq!(unpack(b"text".to_vec()).0, Err(Damage::NotGzip));
        assert_eq!(unpack(Vec::new()).0, Err(Damage::Truncated));
        let packed = pack(b"some text to pack");
        assert_eq!(unpack(packed[..packed.len() - 5].to_vec()).0, Err(Damage::Truncated));
        let mut flipped = packed;
        let checksum = flipped.len() - 8;
        flipped[checksum] ^= 1;
        assert_eq!(unpack(flipped).0, Err(Damage::Checksum));
    }
}
