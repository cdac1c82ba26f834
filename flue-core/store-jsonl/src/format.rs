//! The lines of a session file.
//!
//! Invariant: a line is what one append added, and it counts once its newline is there. So an append is all there or not at
//! all, and a file that was cut anywhere still has every whole line.

use std::path::Path;

use flue_core::Result;
use flue_core::store::{Entry, SessionKey, newer_format};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::errors::Doing;

/// The format of the files that this version writes, and the newest that it reads.
pub(crate) const FILE_FORMAT: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header<'a> {
    flue_session: u32,
    #[serde(borrow)]
    harness: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    session: std::borrow::Cow<'a, str>,
}

/// The first line of the file for `key`, with its newline.
pub(crate) fn header(key: &SessionKey) -> Result<String> {
    let header = Header { flue_session: FILE_FORMAT, harness: (&*key.harness).into(), session: (&*key.session).into() };
    let line = serde_json::to_string(&header).map_err(|error| {
        flue_core::Error::new(flue_core::ErrorKind::Internal, Doing::Appending.name(), "the names cannot be written")
            .with_source(error)
    })?;
    Ok(line + "\n")
}

/// Which session a file has, by its first line.
pub(crate) fn read_header(doing: Doing, path: &Path, line: &str) -> Result<SessionKey> {
    /// All that is certain of a header of another format.
    #[derive(Deserialize)]
    struct Stamp {
        flue_session: u32,
    }
    match serde_json::from_str::<Stamp>(line) {
        Ok(Stamp { flue_session }) if flue_session > FILE_FORMAT => {
            return Err(newer_format(doing.name(), flue_session, FILE_FORMAT).with("path", path.display()));
        }
        _ => {}
    }
    match serde_json::from_str::<Header<'_>>(line) {
        Ok(header) if header.flue_session == FILE_FORMAT => Ok(SessionKey::new(&*header.harness, &*header.session)),
        Ok(_) => Err(doing.damaged(path, 1, "there is no such format")),
        Err(error) => Err(doing.damaged(path, 1, format!("the first line does not say what it is ({error})"))),
    }
}

/// The line for entries that are added together, with its newline.
pub(crate) fn line(entries: &[Entry]) -> Result<String> {
    let mut line = String::new();
    if let [entry] = entries {
        line.push_str(&entry.encode()?);
    } else {
        for (index, entry) in entries.iter().enumerate() {
            line.push(if index == 0 { '[' } else { ',' });
            line.push_str(&entry.encode()?);
        }
        line.push(']');
    }
    line.push('\n');
    Ok(line)
}

/// The texts of the entries of a line.
pub(crate) fn texts(line: &str) -> Result<Vec<&str>, serde_json::Error> {
    if line.starts_with('[') {
        let entries: Vec<&RawValue> = serde_json::from_str(line)?;
        Ok(entries.into_iter().map(RawValue::get).collect())
    } else {
        Ok(vec![line])
    }
}

/// The whole lines at the start of `data`, without their newlines, and how many bytes they have with them.
pub(crate) fn whole_lines(data: &str) -> (impl Iterator<Item = &str>, usize) {
    let end = data.rfind('\n').map_or(0, |newline| newline + 1);
    let whole = &data[..end];
    (whole.strip_suffix('\n').into_iter().flat_map(|lines| lines.split('\n')), end)
}
