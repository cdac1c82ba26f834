//! Reads an archive member by member.

use std::io::{ErrorKind, Read};

use super::header::{BLOCK_BYTES, EXTENDED, Header, Kind, LONG_LINK, LONG_NAME, records};

/// The longest name and the largest extended header that is believed.
const MAX_DESCRIPTION_BYTES: u64 = 1 << 20;

/// An archive, read from its start to its end.
pub(super) struct Archive {
    source: Box<dyn Read + Send>,
    /// Bytes of the current member not read yet, and its padding.
    left: u64,
    padding: u64,
}

/// Why reading cannot go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    NotTar,
    Truncated,
    /// What the source says.
    Source(String),
}

impl Archive {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, left: 0, padding: 0 }
    }

    /// The next member's header. What was not read of the one before is skipped.
    pub(super) fn next(&mut self) -> Result<Option<Header>, Broken> {
        let (mut name, mut link, mut extended) = (None, None, Vec::new());
        loop {
            self.skip()?;
            let mut block = [0; BLOCK_BYTES];
            if !self.fill(&mut block)? || block.iter().all(|&byte| byte == 0) {
                return Ok(None);
            }
            let (mut header, flag) = Header::decode(&block).ok_or(Broken::NotTar)?;
            let has_data = !matches!(header.kind, Kind::HardLink | Kind::Symlink | Kind::Directory | Kind::Fifo);
            self.start(if has_data { header.size } else { 0 });
            match flag {
                LONG_NAME => name = Some(self.description()?),
                LONG_LINK => link = Some(self.description()?),
                EXTENDED => extended = records(&self.whole()?),
                b'g' => {}
                _ => {
                    header.name = name.unwrap_or(header.name);
                    header.link = link.unwrap_or(header.link);
                    self.apply(&mut header, extended);
                    return Ok(Some(header));
                }
            }
        }
    }

    /// Reads on in the current member; zero bytes are its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.read_source(&mut buffer[..room])?;
        if read == 0 && room > 0 {
            return Err(Broken::Truncated);
        }
        self.left -= read as u64;
        Ok(read)
    }

    fn start(&mut self, size: u64) {
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK_BYTES as u64) - size;
    }

    fn apply(&mut self, header: &mut Header, extended: Vec<(String, String)>) {
        for (key, value) in extended {
            match key.as_str() {
                "path" => header.name = value,
                "linkpath" => header.link = value,
                "size" => {
                    header.size = value.parse().unwrap_or(header.size);
                    self.start(header.size);
                }
                "mtime" => {
                    let seconds = value.split('.').next().unwrap_or_default();
                    header.modified = seconds.parse().unwrap_or(header.modified);
                }
                "uname" => header.user = value,
                "gname" => header.group = value,
                _ => {}
            }
        }
    }

    /// The text a describing member holds.
    fn description(&mut self) -> Result<String, Broken> {
        let bytes = self.whole()?;
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    fn whole(&mut self) -> Result<Vec<u8>, Broken> {
        if self.left > MAX_DESCRIPTION_BYTES {
            return Err(Broken::NotTar);
        }
        let mut bytes = vec![0; usize::try_from(self.left).unwrap_or(0)];
        if !self.fill(&mut bytes)? && !bytes.is_empty() {
            return Err(Broken::Truncated);
        }
        self.left = 0;
        Ok(bytes)
    }

    fn skip(&mut self) -> Result<(), Broken> {
        let mut buffer = [0; 16 * BLOCK_BYTES];
        self.left += std::mem::take(&mut self.padding);
        while self.left > 0 {
            self.read(&mut buffer)?;
        }
        Ok(())
    }

    /// Fills `buffer`; false when the source has ended before.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, Broken> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_source(&mut buffer[filled..])? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(Broken::Truncated),
                read => filled += read,
            }
        }
        Ok(true)
    }

    fn read_source(&mut self, buffer: &mut [u8]) -> Result<usize, Broken> {
        loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other.map_err(|error| Broken::Source(error.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::pad;
    use super::*;

    fn member(name: &str, data: &[u8]) -> Vec<u8> {
        let header = Header {
            name: name.into(),
            kind: Kind::File,
            mode: 0o644,
            size: data.len() as u64,
            modified: 0,
            link: String::new(),
            user: String::new(),
            group: String::new(),
            user_id: 0,
            group_id: 0,
        };
        let mut blocks = header.encode();
        blocks.extend_from_slice(data);
        pad(&mut blocks);
        blocks
    }

    fn open(bytes: Vec<u8>) -> Archive {
        Archive::new(Box::new(std::io::Cursor::new(bytes)))
    }

    #[test]
    fn members_come_with_their_data() {
        let long = "n".repeat(300);
        let mut archive = open([member("a", b"one"), member(&long, &[7; 600]), vec![0; 1024]].concat());
        assert_eq!(archive.next().unwrap().unwrap().name, "a");
        let mut buffer = [0; 1024];
        assert_eq!((archive.read(&mut buffer).unwrap(), &buffer[..3]), (3, &b"one"[..]));
        assert_eq!(archive.read(&mut buffer), Ok(0));
        assert_eq!(archive.next().unwrap().unwrap().name, long);
        assert_eq!(archive.next(), Ok(None));
    }

    #[test]
    fn damage_is_told_from_an_end() {
        assert_eq!(open(vec![b'x'; 512]).next(), Err(Broken::NotTar));
        assert_eq!(open(member("a", b"")[..100].to_vec()).next(), Err(Broken::Truncated));
        let mut cut = open(member("a", &[1; 600])[..700].to_vec());
        cut.next().unwrap();
        assert_eq!(cut.next(), Err(Broken::Truncated));
        assert_eq!(open(Vec::new()).next(), Ok(None));
    }
}
