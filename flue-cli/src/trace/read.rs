//! Reading the events of a run from a file, one line at a time.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use flue_core::event::EventRecord;
use flue_core::{Error, ErrorKind, Result};

use super::Trace;
use super::build::Builder;
use crate::host::{io_error, shown};

/// The longest line, in bytes: larger than any event is.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// A run that was read.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) trace: Trace,
    /// Lines that are no events; the last one of a run that was killed may be cut.
    pub(crate) unreadable: u64,
}

/// Reads the events that `flue run --events=FILE` wrote.
///
/// # Errors
/// Those of reading; [`ErrorKind::Unsupported`] for events of a newer version; [`ErrorKind::InvalidInput`] for a file without
/// any.
pub(crate) fn read(path: &Path) -> Result<Recording> {
    let failed = |error: std::io::Error| io_error("read events", &error).with("path", shown(path));
    let mut input = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    let (mut builder, mut unreadable, mut events) = (Builder::default(), 0, 0_u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        match EventRecord::decode(text.trim()) {
            Ok(record) => {
                builder.event(&record);
                events += 1;
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => return Err(error.with("path", shown(path))),
            Err(_) => unreadable += 1,
        }
        if events == 0 && unreadable > 100 {
            break;
        }
    }
    if events == 0 {
        let why = "there are no events of a run in this file; record some with flue run --events=FILE";
        return Err(Error::new(ErrorKind::InvalidInput, "read events", why).with("path", shown(path)));
    }
    Ok(Recording { trace: builder.finish(), unreadable })
}
