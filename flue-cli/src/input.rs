//! What the user hands in: text as an argument, from a file or from standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::sync::mpsc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};

/// The longest message, instructions or script, in bytes. No model takes as much.
pub(crate) const MAX_TEXT_BYTES: u64 = 16 << 20;
/// The most that `flue exec` reads from its standard input for the command, in bytes.
pub(crate) const MAX_STDIN_BYTES: u64 = 64 << 20;

/// The text that an option means: `-` is standard input, `@FILE` a file's content, all else the text itself.
///
/// # Errors
/// [`ErrorKind::NotFound`] and others for a file that cannot be read, [`ErrorKind::LimitExceeded`] for more than
/// [`MAX_TEXT_BYTES`], [`ErrorKind::InvalidInput`] for bytes that are not UTF-8.
pub(crate) fn text(option: &'static str, value: &str) -> Result<String> {
    match value.strip_prefix('@') {
        None if value == "-" => stdin_text(option),
        None => Ok(value.to_owned()),
        Some(path) => file_text(path).map_err(|error| {
            Error::new(error.kind(), option, "`@` before a name means the content of that file, which cannot be read")
                .with("file", path)
                .with_source(error)
        }),
    }
}

/// All of standard input, as text.
///
/// # Errors
/// As [`text`].
pub(crate) fn stdin_text(operation: &'static str) -> Result<String> {
    read_text(operation, io::stdin().lock(), MAX_TEXT_BYTES)
}

/// All of what is read, at most `limit` bytes of it, as text.
///
/// # Errors
/// As [`text`].
pub(crate) fn read_text(operation: &'static str, from: impl Read, limit: u64) -> Result<String> {
    utf8(operation, read_bounded(operation, from, limit)?)
}

/// All of a file, as text.
///
/// # Errors
/// As [`text`].
pub(crate) fn file_text(path: impl AsRef<std::path::Path>) -> Result<String> {
    let file = File::open(path).map_err(|error| crate::host::io_error("read", &error))?;
    read_text("read", file, MAX_TEXT_BYTES)
}

/// Whether something other than a terminal is on standard input.
pub(crate) fn stdin_is_piped() -> bool {
    !io::stdin().is_terminal()
}

/// What is on standard input for a command to read; `None` when the time passes before its end.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] for more than [`MAX_STDIN_BYTES`].
pub(crate) fn stdin_within(timeout: Option<Duration>) -> Result<Option<Vec<u8>>> {
    let read = || read_bounded("read standard input", io::stdin().lock(), MAX_STDIN_BYTES);
    let Some(timeout) = timeout else { return read().map(Some) };
    // A read of standard input cannot be cut short, so it is left behind in its thread.
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(read()));
    receiver.recv_timeout(timeout).ok().transpose()
}

fn read_bounded(operation: &'static str, from: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| crate::host::io_error(operation, &error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(ErrorKind::LimitExceeded, operation, "there is more than is taken here")
            .with("limit_bytes", limit));
    }
    Ok(bytes)
}

fn utf8(operation: &'static str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, operation, "this is not UTF-8 text")
            .with("offset", error.utf8_error().valid_up_to())
    })
}
