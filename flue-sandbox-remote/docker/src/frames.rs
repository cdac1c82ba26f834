//! The stream of an exec: frames of `[stream, 0, 0, 0, length as u32 in big-endian]` and that many bytes (Docker Engine API,
//! "Stream format" of attach).

use std::io;

use flue_core::{OutputSink, OutputStream};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The length of a frame's head.
const HEAD: usize = 8;

/// Hands on what comes, to the end of the stream.
///
/// # Errors
/// Those of the stream; [`io::ErrorKind::UnexpectedEof`] in the middle of a frame, [`io::ErrorKind::InvalidData`] for what is none.
pub(crate) async fn forward(mut from: impl AsyncBufRead + Unpin, to: &dyn OutputSink) -> io::Result<()> {
    while !from.fill_buf().await?.is_empty() {
        let mut head = [0; HEAD];
        from.read_exact(&mut head).await?;
        let [kind, 0, 0, 0, length @ ..] = head else { return Err(io::ErrorKind::InvalidData.into()) };
        let stream = match kind {
            // Standard input's number, which some engines use for output too, as Docker's own client reads it.
            0 | 1 => OutputStream::Stdout,
            2 => OutputStream::Stderr,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let mut left = u32::from_be_bytes(length) as usize;
        while left > 0 {
            let buffer = from.fill_buf().await?;
            if buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = left.min(buffer.len());
            to.output(stream, &buffer[..taken]);
            from.consume(taken);
            left -= taken;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<[Vec<u8>; 2]>);

    impl OutputSink for Kept {
        fn output(&self, stream: OutputStream, bytes: &[u8]) {
            self.0.lock().unwrap()[usize::from(stream == OutputStream::Stderr)].extend_from_slice(bytes);
        }
    }

    fn run(data: &[u8], buffer: usize) -> (io::Result<()>, [Vec<u8>; 2]) {
        let kept = Kept::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let done = runtime.block_on(forward(tokio::io::BufReader::with_capacity(buffer, data), &kept));
        (done, kept.0.into_inner().unwrap())
    }

    #[test]
    fn frames_come_apart_however_they_arrive() {
        let data = b"\x01\0\0\0\0\0\0\x03a\0b\x02\0\0\0\0\0\0\x01\xff\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01c";
        for buffer in [1, 3, 64] {
            let (done, kept) = run(data, buffer);
            done.unwrap();
            assert_eq!(kept, [b"a\0bc".to_vec(), b"\xff".to_vec()]);
        }
    }

    #[test]
    fn what_is_no_frame_or_breaks_off_is_an_error() {
        let kind = |data: &[u8]| run(data, 64).0.unwrap_err().kind();
        assert_eq!(kind(b"\x01\0\0\0\0\0\0\x03ab"), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"\x01\0\0"), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"\x07\0\0\0\0\0\0\x01a"), io::ErrorKind::InvalidData);
        assert_eq!(kind(b"plain text"), io::ErrorKind::InvalidData);
        run(b"", 64).0.unwrap();
    }
}
