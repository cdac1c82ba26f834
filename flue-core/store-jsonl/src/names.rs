//! From the names of agents and sessions to names of files, which every file system takes and none confuses.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The longest name of a file without its ending, in bytes; file systems take 255.
const MAX_BYTES: usize = 200;
/// How much of a name stays that is too long; a hash tells it from others.
const KEPT_BYTES: usize = 120;
/// So many bytes of the hash.
const HASH_BYTES: usize = 16;

/// The file name for `name`. Others have others, but that some file systems do not tell capital letters from small ones.
pub(crate) fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
            b'.' if index > 0 => file.push('.'),
            other => {
                let _ = write!(file, "%{other:02X}");
            }
        }
    }
    if file.len() > MAX_BYTES {
        file.truncate(KEPT_BYTES);
        // Of no other name: `~` is always encoded.
        file.push('~');
        for byte in &Sha256::digest(name)[..HASH_BYTES] {
            let _ = write!(file, "{byte:02x}");
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_readable_and_no_name_leaves_its_directory() {
        for (name, expected) in [
            ("default", "default"),
            ("Review-1.b_c", "Review-1.b_c"),
            ("task:default:4", "task%3Adefault%3A4"),
            ("..", "%2E."),
            ("a/../b", "a%2F..%2Fb"),
            ("é", "%C3%A9"),
            ("a~", "a%7E"),
            ("", ""),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }

    #[test]
    fn long_names_are_cut_and_kept_apart() {
        let (one, two) = (file_name(&"é".repeat(120)), file_name(&format!("{}x", "é".repeat(120))));
        assert!(one.len() <= MAX_BYTES && one != two && one[..KEPT_BYTES] == two[..KEPT_BYTES], "{one} {two}");
    }
}
