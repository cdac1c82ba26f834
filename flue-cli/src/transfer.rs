//! Staging files into a sandbox and collecting them from it: `SRC[:DEST]` and `PATH[:DEST]`.
//!
//! The last colon separates; nothing after it means the same as no colon at all, so `a:b:` stages the file `a:b`. Without
//! a destination a thing keeps its name. A destination that ends in `/`, or is a directory that exists, takes a file into
//! it; a directory becomes the destination, merged with what is there.
//!
//! Where the sandbox's files are those of this machine, what is at its destination already is left as it is: the same call
//! works on every rung.

mod collect;
mod stage;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use flue_core::{Error, ErrorKind, Fs, Sandbox};

pub(crate) use self::collect::{Collect, Collected};
pub(crate) use self::stage::Stage;
use crate::host::shown;

/// The sandbox that files go into and come out of.
pub(crate) struct Site<'a> {
    /// Its files, seen from the directory that is worked in.
    pub(crate) fs: Fs,
    /// The sandbox.
    pub(crate) sandbox: &'a dyn Sandbox,
    /// Whose they are.
    pub(crate) files: Files,
}

/// Whose the files of a sandbox are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    /// Its own.
    Own,
    /// Its own, and there again for the next run.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "there is no remote sandbox"))]
    Lasting,
    /// This machine's, with changes that are kept aside.
    #[cfg_attr(not(all(feature = "local", unix)), expect(dead_code, reason = "there is no local sandbox"))]
    Layer,
    /// This machine's.
    Host,
}

/// Where a destination lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// It is the source.
    There,
    /// In the source, which is a directory.
    Within,
    Elsewhere,
}

/// Where a destination lies from the source's point of view, both on this machine.
fn lies(destination: Option<&Path>, source: Option<&Path>) -> Lies {
    let (Some(destination), Some(Ok(source))) = (destination, source.map(Path::canonicalize)) else {
        return Lies::Elsewhere;
    };
    // What is not there yet lies in the nearest directory that is.
    let destination = std::path::absolute(destination).unwrap_or_else(|_| destination.to_owned());
    let nearest = destination.ancestors().find_map(|there| Some((there.canonicalize().ok()?, there == destination)));
    match nearest {
        Some((nearest, true)) if nearest == source => Lies::There,
        Some((nearest, _)) if nearest.starts_with(&source) => Lies::Within,
        _ => Lies::Elsewhere,
    }
}

/// The error for a destination that lies in its own source: copying would not end.
fn within_itself(operation: &'static str, destination: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, operation, "the destination lies in the directory that is to be copied")
        .with("destination", destination)
}

fn bad_value(operation: &'static str, why: &'static str, value: &OsStr) -> Error {
    Error::new(ErrorKind::InvalidInput, operation, why).with("value", shown(Path::new(value)))
}

/// Splits at the last colon; an empty right side counts as none.
fn split(value: &OsStr) -> (OsString, Option<OsString>) {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = value.as_bytes();
        let Some(colon) = bytes.iter().rposition(|byte| *byte == b':') else { return (value.to_owned(), None) };
        let part = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        (part(&bytes[..colon]), Some(part(&bytes[colon + 1..])).filter(|right| !right.is_empty()))
    }
    #[cfg(not(unix))]
    match value.to_str().and_then(|text| text.rsplit_once(':')) {
        Some((left, right)) => (left.into(), Some(right.into()).filter(|right: &OsString| !right.is_empty())),
        None => (value.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_its_source_or_lies_within_or_elsewhere() {
        let dir = std::env::temp_dir().join(format!("flue-lies-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("a/b")).unwrap();
        let at = |name: &str| dir.join(name);
        let lies = |destination: &str, source: &str| lies(Some(&at(destination)), Some(&at(source)));
        assert_eq!(lies("a/b/../b", "a/b"), Lies::There);
        assert_eq!([lies("a/b", "a"), lies("a/new/deep", "a")], [Lies::Within; 2]);
        assert_eq!([lies("a", "a/b"), lies("new", "a"), lies("ab", "a"), lies("a", "gone")], [Lies::Elsewhere; 4]);
        assert_eq!(super::lies(None, Some(&at("a"))), Lies::Elsewhere);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_last_colon_separates_and_an_empty_right_side_is_none() {
        let cases: [(&str, &str, Option<&str>); 5] = [
            ("a", "a", None),
            ("a:b", "a", Some("b")),
            ("a:", "a", None),
            ("a:b:", "a:b", None),
            ("a:b:c/", "a:b", Some("c/")),
        ];
        for (value, left, right) in cases {
            assert_eq!(split(OsStr::new(value)), (left.into(), right.map(Into::into)), "{value}");
        }
    }
}
