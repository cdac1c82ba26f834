//! What tells containers apart: their ids, which are made of names, and the labels that are left in them.

use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_remote_kit::{Labels, OWNER_LABEL, WORKSPACE_LABEL};
use sha2::{Digest as _, Sha256};

/// The file in a container's workspace that has its labels.
pub(crate) const LABELS_FILE: &str = ".flue-labels";

/// RFC 4648, in lower case: the characters of an id.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The container of a workspace: the same for the same owner and key, since the bridge finds nothing by label.
///
/// # Errors
/// [`ErrorKind::Unsupported`] without both.
pub(crate) fn id(labels: &Labels) -> Result<String> {
    let (Some(owner), Some(key)) = (labels.get(OWNER_LABEL), labels.get(WORKSPACE_LABEL)) else {
        let why = "the bridge does not list containers; ask for one workspace by its name, or look at the dashboard";
        return Err(Error::unsupported("find", why));
    };
    Ok(base32(&Sha256::digest(format!("{}:{owner}{key}", owner.len()))))
}

fn base32(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(digit(held >> bits));
        }
        held &= 31;
    }
    if bits > 0 {
        text.push(digit(held << (5 - bits)));
    }
    text
}

fn digit(value: u32) -> char {
    ALPHABET.get((value & 31) as usize).copied().map_or('a', char::from)
}

/// Labels as they are left in a container: a line each.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for those that no line can hold.
pub(crate) fn written(labels: &Labels) -> Result<String> {
    let mut text = String::new();
    for (key, value) in labels {
        if key.contains(['=', '\n']) || value.contains('\n') {
            let why = "a label has a line break or an equals sign where none can be";
            return Err(Error::new(ErrorKind::InvalidInput, "create", why).with("label", key));
        }
        text.push_str(&format!("{key}={value}\n"));
    }
    Ok(text)
}

pub(crate) fn read(text: &str) -> Labels {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_bridge_takes_and_names_do_not_run_together() {
        // RFC 4648, section 10.
        assert_eq!((base32(b"foobar"), base32(b"fo")), ("mzxw6ytboi".to_owned(), "mzxq".to_owned()));
        let of = |owner: &str, key: &str| {
            id(&Labels::from([(OWNER_LABEL.into(), owner.into()), (WORKSPACE_LABEL.into(), key.into())])).unwrap()
        };
        assert_eq!(of("a", "b").len(), 52);
        assert!(of("a", "b").bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_eq!(id(&Labels::new()).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn labels_survive_their_text() {
        let labels = Labels::from([("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())]);
        assert_eq!(read(&written(&labels).unwrap()), labels);
        assert!(written(&Labels::from([("a".to_owned(), "b\nc".to_owned())])).is_err());
    }
}
