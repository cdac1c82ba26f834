//! Names of files as git writes them in patches.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// `prefix` and a path: as they are, or in quotes with escapes where the bytes would be read otherwise.
pub(super) fn quoted(prefix: &str, path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes();
    let plain =
        std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(|c: char| c.is_control() || c == '"' || c == '\\'));
    if plain {
        return [prefix.as_bytes(), bytes].concat();
    }
    let mut name = format!("\"{prefix}").into_bytes();
    for byte in bytes {
        match byte {
            b'"' | b'\\' => name.extend_from_slice(&[b'\\', *byte]),
            b'\n' => name.extend_from_slice(b"\\n"),
            b'\t' => name.extend_from_slice(b"\\t"),
            0x20..=0x7e => name.push(*byte),
            _ => name.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    name.push(b'"');
    name
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn what_a_reader_would_take_otherwise_is_escaped() {
        let name = |bytes: &[u8]| String::from_utf8(quoted("a/", Path::new(OsStr::from_bytes(bytes)))).unwrap();
        assert_eq!(name(b"src/with space.rs"), "a/src/with space.rs");
        assert_eq!(name("é".as_bytes()), "a/é");
        assert_eq!(name(b"a\"b\\c\nd\te\x01\xff"), r#""a/a\"b\\c\nd\te\001\377""#);
    }
}
