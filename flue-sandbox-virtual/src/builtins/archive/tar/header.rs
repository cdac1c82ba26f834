//! The 512-byte blocks that a tar archive is made of, as GNU tar writes them.
//!
//! Layout: POSIX.1-1988 `ustar`; long names come in members of their own, GNU's of
//! type `L` and `K` or the POSIX.1-2001 records of type `x`.

use std::fmt::Write as _;

pub(super) const BLOCK_BYTES: usize = 512;

/// Type flags of members that only describe the next one.
pub(super) const LONG_NAME: u8 = b'L';
pub(super) const LONG_LINK: u8 = b'K';
pub(super) const EXTENDED: u8 = b'x';

/// The name GNU tar gives the members with long names.
const LONG_NAME_PATH: &str = "././@LongLink";
const NAME_BYTES: usize = 100;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    /// A second name of an earlier member.
    HardLink,
    Fifo,
    /// Something this system has no equivalent of.
    Other(u8),
}

/// What a header says of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    pub(super) link: String,
    pub(super) user: String,
    pub(super) group: String,
    pub(super) user_id: u64,
    pub(super) group_id: u64,
}

impl Header {
    /// The blocks of the header, those for long names first.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut blocks = Vec::new();
        for (text, flag) in [(&self.link, LONG_LINK), (&self.name, LONG_NAME)] {
            if text.len() > NAME_BYTES {
                let long = Self { name: LONG_NAME_PATH.into(), size: text.len() as u64 + 1, ..Self::blank() };
                blocks.extend_from_slice(&long.block(flag));
                blocks.extend_from_slice(text.as_bytes());
                blocks.push(0);
                pad(&mut blocks);
            }
        }
        let flag = match self.kind {
            Kind::File => b'0',
            Kind::HardLink => b'1',
            Kind::Symlink => b'2',
            Kind::Directory => b'5',
            Kind::Fifo => b'6',
            Kind::Other(flag) => flag,
        };
        blocks.extend_from_slice(&self.block(flag));
        blocks
    }

    fn blank() -> Self {
        Self {
            name: String::new(),
            kind: Kind::File,
            mode: 0,
            size: 0,
            modified: 0,
            link: String::new(),
            user: "root".into(),
            group: "root".into(),
            user_id: 0,
            group_id: 0,
        }
    }

    fn block(&self, flag: u8) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        let mut put = |at: usize, room: usize, text: &[u8]| {
            let length = text.len().min(room);
            block[at..at + length].copy_from_slice(&text[..length]);
        };
        put(0, NAME_BYTES, self.name.as_bytes());
        put(100, 8, &number(self.mode.into(), 8));
        put(108, 8, &number(self.user_id, 8));
        put(116, 8, &number(self.group_id, 8));
        put(124, 12, &number(self.size, 12));
        put(136, 12, &number(u64::try_from(self.modified).unwrap_or(0), 12));
        put(156, 1, &[flag]);
        put(157, NAME_BYTES, self.link.as_bytes());
        put(257, 8, b"ustar  \0");
        put(265, 31, self.user.as_bytes());
        put(297, 31, self.group.as_bytes());
        let sum = checksum(&block);
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }

    /// Reads a block; `None` if it is no header. The type flag comes with it.
    pub(super) fn decode(block: &[u8; BLOCK_BYTES]) -> Option<(Self, u8)> {
        if value(&block[148..156])? != checksum(block) {
            return None;
        }
        let flag = block[156];
        let mut name = text(&block[..NAME_BYTES]);
        // Only POSIX archives keep the start of a long name behind the groups.
        if &block[257..263] == b"ustar\0" && block[345] != 0 {
            name = format!("{}/{name}", text(&block[345..500]));
        }
        let kind = match flag {
            b'0' | 0 | b'7' if name.ends_with('/') => Kind::Directory,
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'5' => Kind::Directory,
            b'6' => Kind::Fifo,
            other => Kind::Other(other),
        };
        let header = Self {
            name,
            kind,
            mode: u32::try_from(value(&block[100..108])? & 0o7777).unwrap_or(0),
            user_id: value(&block[108..116]).unwrap_or(0),
            group_id: value(&block[116..124]).unwrap_or(0),
            size: value(&block[124..136])?,
            modified: i64::try_from(value(&block[136..148])?).unwrap_or(0),
            link: text(&block[157..257]),
            user: text(&block[265..297]),
            group: text(&block[297..329]),
        };
        Some((header, flag))
    }
}

/// Fills the last block up.
pub(super) fn pad(blocks: &mut Vec<u8>) {
    blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
}

/// The records of an extended header: `length key=value` lines.
pub(super) fn records(data: &[u8]) -> Vec<(String, String)> {
    let mut records = Vec::new();
    let mut rest = data;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some(record) = length.filter(|&length| length > space).and_then(|length| rest.get(..length)) else { break };
        let line = String::from_utf8_lossy(&record[space + 1..]);
        if let Some((key, value)) = line.trim_end_matches('\n').split_once('=') {
            records.push((key.to_string(), value.to_string()));
        }
        rest = &rest[record.len()..];
    }
    records
}

/// Octal digits and a NUL; larger numbers are binary with the first bit set.
fn number(value: u64, room: usize) -> Vec<u8> {
    let mut digits = String::new();
    // Writing to a string does not fail.
    let _ = write!(digits, "{value:0width$o}", width = room - 1);
    if digits.len() < room {
        return digits.into_bytes();
    }
    let mut binary = vec![0; room - 8];
    binary.extend_from_slice(&value.to_be_bytes());
    binary[0] |= 0x80;
    binary
}

fn value(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let low = field.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))?;
        return Some(if field.len() == 8 { low & (u64::MAX >> 1) } else { low });
    }
    let digits = text(field);
    let digits = digits.trim_matches(' ');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// The sum of all bytes, those of the sum itself counted as spaces.
fn checksum(block: &[u8; BLOCK_BYTES]) -> u64 {
    let spaces = u64::from(b' ') * 8;
    let all: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    all - block[148..156].iter().map(|&byte| u64::from(byte)).sum::<u64>() + spaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_a_round_trip() {
        let header = Header {
            name: "d/a.txt".into(),
            kind: Kind::Symlink,
            mode: 0o640,
            size: 1 << 35,
            modified: 1_700_000_000,
            link: "b.txt".into(),
            user: "user".into(),
            group: "staff".into(),
            user_id: 1000,
            group_id: 7,
        };
        let blocks = header.encode();
        let block: &[u8; BLOCK_BYTES] = blocks.first_chunk().unwrap();
        assert_eq!(Header::decode(block), Some((header, b'2')));
        let mut broken = *block;
        broken[3] ^= 1;
        assert_eq!(Header::decode(&broken), None);
    }

    #[test]
    fn long_names_come_first() {
        let long = Header { name: "x".repeat(150), ..Header::blank() }.encode();
        assert_eq!(long.len(), 3 * BLOCK_BYTES);
        assert_eq!(Header::decode(long.first_chunk().unwrap()).unwrap().1, LONG_NAME);
        assert_eq!(&long[BLOCK_BYTES..BLOCK_BYTES + 150], "x".repeat(150).as_bytes());
    }

    #[test]
    fn records_are_read_until_they_make_no_sense() {
        let read = records(b"11 path=ab\n14 size=12345\n99 x=y\n");
        assert_eq!(read, [("path".to_string(), "ab".to_string()), ("size".into(), "12345".into())]);
    }
}
