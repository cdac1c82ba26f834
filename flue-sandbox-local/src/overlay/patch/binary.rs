//! Content that is no text, as `git diff --binary` writes it: deflated, in base 85, in lines of a length and the data.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The digits of git's base 85.
const DIGITS: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/// Bytes of one line, so that their number is a letter: 1 to 26 are `A` to `Z`, 27 to 52 are `a` to `z`.
const LINE_BYTES: usize = 52;

/// What makes `before` into `after`, and back.
pub(super) fn binary(before: &[u8], after: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = b"GIT binary patch\n".to_vec();
    for content in [after, before] {
        text.extend_from_slice(format!("literal {}\n", content.len()).as_bytes());
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(content)?;
        deflated.finish()?.chunks(LINE_BYTES).for_each(|line| put(&mut text, line));
        text.push(b'\n');
    }
    Ok(text)
}

#[expect(clippy::cast_possible_truncation, reason = "a line has at most 52 bytes, and a digit is less than 85")]
fn put(text: &mut Vec<u8>, line: &[u8]) {
    let len = line.len() as u8;
    text.push(if len <= 26 { b'A' + len - 1 } else { b'a' + len - 27 });
    for four in line.chunks(4) {
        let mut bytes = [0; 4];
        bytes[..four.len()].copy_from_slice(four);
        let mut rest = u32::from_be_bytes(bytes);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(rest % 85) as usize];
            rest /= 85;
        }
        text.extend_from_slice(&digits);
    }
    text.push(b'\n');
}
