//! The parts of a zip archive (PKWARE's APPNOTE, without its 64-bit and encryption parts).

use std::io::{Read, Write};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Bytes of the three, without names and comments.
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
/// The longest comment behind the end.
const MAX_COMMENT_BYTES: usize = 0xffff;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The flags of an encrypted member and of a name in UTF-8.
const ENCRYPTED: u16 = 1;
const UTF8: u16 = 1 << 11;
/// Written by version 3.0 on Unix, readable by version 2.0.
const MADE_BY: u16 = 0x031e;
const NEEDS: u16 = 20;

/// Permission bits and file types, as Unix has them in the upper half of the attributes.
const TYPE_MASK: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// A member, with its packed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    method: u16,
    flags: u16,
    /// Date and time of MS-DOS.
    stamp: u32,
    crc: u32,
    pub(super) size: u32,
    attributes: u32,
    packed: Vec<u8>,
}

impl Member {
    /// Packs `data` with a level from 0 to 9. The error is why it does not fit.
    pub(super) fn pack(
        name: String,
        data: &[u8],
        mode: u32,
        is_link: bool,
        time: DateTime<FixedOffset>,
        level: u32,
    ) -> Result<Self, &'static str> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
        // Writing to memory does not fail.
        let _ = encoder.write_all(data);
        let mut packed = encoder.finish().unwrap_or_default();
        let mut method = DEFLATED;
        if level == 0 || packed.len() >= data.len() {
            (packed, method) = (data.to_vec(), STORED);
        }
        let mut crc = Crc::new();
        crc.update(data);
        let kind = match (is_link, name.ends_with('/')) {
            (true, _) => SYMLINK,
            (_, true) => DIRECTORY,
            _ => REGULAR,
        };
        Ok(Self {
            method,
            flags: if name.is_ascii() { 0 } else { UTF8 },
            stamp: stamp(time),
            crc: crc.sum(),
            size: u32::try_from(data.len()).map_err(|_| "file is too large")?,
            // The lowest bits are those of MS-DOS: 16 is a directory.
            attributes: (kind | mode & 0o7777) << 16 | if kind == DIRECTORY { 16 } else { 0 },
            packed,
            name,
        })
    }

    /// The unpacked bytes, at most one more than there should be. The error is what is wrong with them.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, String> {
        if self.flags & ENCRYPTED != 0 {
            return Err("unable to get password".into());
        }
        let mut data = Vec::new();
        let limit = u64::from(self.size) + 1;
        match self.method {
            STORED => data.extend_from_slice(&self.packed),
            DEFLATED => {
                let read = DeflateDecoder::new(&*self.packed).take(limit).read_to_end(&mut data);
                read.map_err(|_| "invalid compressed data to inflate".to_string())?;
            }
            other => return Err(format!("unsupported compression method {other}")),
        }
        let mut crc = Crc::new();
        crc.update(&data);
        if data.len() as u64 != u64::from(self.size) || crc.sum() != self.crc {
            return Err(format!("bad CRC {:08x}  (should be {:08x})", crc.sum(), self.crc));
        }
        Ok(data)
    }

    pub(super) fn is_stored(&self) -> bool {
        self.method == STORED
    }

    pub(super) fn is_directory(&self) -> bool {
        self.name.ends_with('/')
    }

    pub(super) fn is_link(&self) -> bool {
        self.attributes >> 16 & TYPE_MASK == SYMLINK
    }

    /// The permission bits, if the archive was made on Unix.
    pub(super) fn mode(&self) -> Option<u32> {
        Some(self.attributes >> 16 & 0o7777).filter(|&mode| mode != 0)
    }

    pub(super) fn packed_size(&self) -> u32 {
        u32::try_from(self.packed.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn crc(&self) -> u32 {
        self.crc
    }

    /// How much smaller it is packed, in percent.
    pub(super) fn saved(&self) -> u32 {
        if self.size == 0 {
            return 0;
        }
        let saved = f64::from(self.size) - f64::from(self.packed_size());
        // In range: never below zero, as larger results are not kept, and at most a hundred.
        (100.0 * saved / f64::from(self.size)).round().clamp(0.0, 100.0) as u32
    }

    /// When it was last changed, by the clock of whoever packed it.
    pub(super) fn modified(&self) -> NaiveDateTime {
        let (date, time) = (self.stamp >> 16, self.stamp & 0xffff);
        let year = i32::try_from(date >> 9).unwrap_or(0) + 1980;
        NaiveDate::from_ymd_opt(year, date >> 5 & 15, date & 31)
            .and_then(|date| date.and_hms_opt(time >> 11, time >> 5 & 63, (time & 31) * 2))
            .unwrap_or_default()
    }

    /// What both headers say of the member.
    fn common(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [NEEDS, self.flags, self.method] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.stamp, self.crc, self.packed_size(), self.size] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&u16::try_from(self.name.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes
    }
}

fn stamp(time: DateTime<FixedOffset>) -> u32 {
    let year = u32::try_from(time.year() - 1980).unwrap_or(0).min(127);
    let date = (year << 9) | (time.month() << 5) | time.day();
    (date << 16) | (time.hour() << 11) | (time.minute() << 5) | (time.second() / 2)
}

/// The bytes of an archive.
pub(super) fn encode(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut central) = (Vec::new(), Vec::new());
    for member in members {
        let offset = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let common = member.common();
        bytes.extend_from_slice(&LOCAL.to_le_bytes());
        bytes.extend_from_slice(&common);
        bytes.extend_from_slice(&0_u16.to_le_bytes());
        bytes.extend_from_slice(member.name.as_bytes());
        bytes.extend_from_slice(&member.packed);
        central.extend_from_slice(&CENTRAL.to_le_bytes());
        central.extend_from_slice(&MADE_BY.to_le_bytes());
        central.extend_from_slice(&common);
        // No extra field, no comment, the first disk, binary data.
        central.extend_from_slice(&[0; 8]);
        central.extend_from_slice(&member.attributes.to_le_bytes());
        central.extend_from_slice(&offset.to_le_bytes());
        central.extend_from_slice(member.name.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap_or(u16::MAX).to_le_bytes();
    let (start, length) = (bytes.len(), central.len());
    bytes.extend_from_slice(&central);
    bytes.extend_from_slice(&END.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&[count, count].concat());
    for number in [length, start] {
        bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

/// Reads an archive by its central directory; `None` if it is none.
pub(super) fn decode(archive: &[u8]) -> Option<Vec<Member>> {
    let first = archive.len().saturating_sub(END_BYTES + MAX_COMMENT_BYTES);
    let last = archive.len().checked_sub(END_BYTES)?;
    let end = (first..=last).rev().find(|&at| int(archive, at) == Some(END))?;
    let count = short(archive, end + 10)?;
    let mut at = usize::try_from(int(archive, end + 16)?).ok()?;
    let mut members = Vec::new();
    for _ in 0..count {
        if int(archive, at)? != CENTRAL {
            return None;
        }
        let name_bytes = usize::from(short(archive, at + 28)?);
        let tail_bytes = usize::from(short(archive, at + 30)?) + usize::from(short(archive, at + 32)?);
        let offset = usize::try_from(int(archive, at + 42)?).ok()?;
        let name = archive.get(at + CENTRAL_BYTES..at + CENTRAL_BYTES + name_bytes)?;
        if int(archive, offset)? != LOCAL {
            return None;
        }
        let skipped = usize::from(short(archive, offset + 26)?) + usize::from(short(archive, offset + 28)?);
        let start = offset + LOCAL_BYTES + skipped;
        let packed_size = usize::try_from(int(archive, at + 20)?).ok()?;
        members.push(Member {
            name: String::from_utf8_lossy(name).into_owned(),
            flags: short(archive, at + 8)?,
            method: short(archive, at + 10)?,
            stamp: int(archive, at + 12)?,
            crc: int(archive, at + 16)?,
            size: int(archive, at + 24)?,
            attributes: int(archive, at + 38)?,
            packed: archive.get(start..start.checked_add(packed_size)?)?.to_vec(),
        });
        at += CENTRAL_BYTES + name_bytes + tail_bytes;
    }
    Some(members)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn int(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, data: &[u8]) -> Member {
        let time = DateTime::parse_from_rfc3339("2024-02-28T10:20:30Z").unwrap();
        Member::pack(name.into(), data, 0o640, false, time, 6).unwrap()
    }

    #[test]
    fn archives_survive_a_round_trip() {
        let members = [member("d/", b""), member("d/a", &[b'x'; 1000]), member("b", b"xyz")];
        let read = decode(&encode(&members)).unwrap();
        assert_eq!(read, members);
        assert!(!read[1].is_stored() && read[2].is_stored());
        assert!((95..100).contains(&read[1].saved()), "{}", read[1].saved());
        assert_eq!(read[1].unpack().unwrap(), [b'x'; 1000]);
        assert_eq!(read[1].mode(), Some(0o640));
        assert_eq!(read[1].modified().to_string(), "2024-02-28 10:20:30");
    }

    #[test]
    fn damage_is_noticed() {
        assert_eq!(decode(b"not an archive, that much is certain"), None);
        let mut bytes = encode(&[member("b", b"xyz")]);
        bytes[LOCAL_BYTES + 1] ^= 1;
        assert!(decode(&bytes).unwrap()[0].unpack().unwrap_err().starts_with("bad CRC"));
        bytes.truncate(bytes.len() - 30);
        assert_eq!(decode(&bytes), None);
    }
}
