//! Standard output and standard error, for text that may come from a model or a command.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use flue_core::{Error, ErrorKind};

use crate::exit::{BROKEN_PIPE, Failure};

/// Writes to standard output, all of it.
///
/// # Errors
/// A silent failure when nobody reads any more.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| write_failure("write to standard output", &error))
}

/// What an error of writing output means: nothing more is said when a reader went away.
pub(crate) fn write_failure(operation: &'static str, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::silent(BROKEN_PIPE);
    }
    Failure::failed(Error::new(ErrorKind::Io, operation, error.to_string()))
}

/// Prints text on a line of its own to standard output; on a terminal without the characters that command it.
///
/// # Errors
/// Those of [`print()`].
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let text = if io::stdout().is_terminal() { tame(text) } else { Cow::Borrowed(text) };
    print(text.as_bytes())?;
    if text.is_empty() || text.ends_with('\n') { Ok(()) } else { print(b"\n") }
}

/// Prints one JSON value on a line of its own to standard output.
///
/// # Errors
/// Those of [`print()`].
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(value).map_err(|error| {
        Failure::failed(
            Error::new(ErrorKind::Internal, "encode JSON", "the result has no JSON form").with_source(error),
        )
    })?;
    line.push(b'\n');
    print(&line)
}

/// Says on standard error why it ends. There is nobody to tell when that fails.
pub(crate) fn complain(error: &Error) {
    let mut stderr = io::stderr().lock();
    let _ = if colours() {
        writeln!(stderr, "\x1b[1;31merror:\x1b[0m {}", tame(&format!("{error:#}")))
    } else {
        writeln!(stderr, "error: {}", tame(&format!("{error:#}")))
    };
}

/// Says something on standard error that is no error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "note: {}", tame(text));
}

/// Erases a line that is being redrawn, before the process ends without its end.
pub(crate) fn erase_line() {
    if is_live() {
        let _ = write!(io::stderr(), "\r\x1b[2K");
    }
}

/// How wide a terminal that does not say is taken to be.
const USUAL_COLUMNS: usize = 80;

/// How wide the terminal on standard error is.
pub(crate) fn columns_of_stderr() -> usize {
    console::Term::stderr().size_checked().map_or(USUAL_COLUMNS, |(_, columns)| columns.into())
}

/// How wide the terminal on standard output is.
pub(crate) fn columns() -> usize {
    console::Term::stdout().size_checked().map_or(USUAL_COLUMNS, |(_, columns)| columns.into())
}

/// Whether standard output takes colours, by the same rules as standard error.
pub(crate) fn colours_on_stdout() -> bool {
    let is_live = std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty());
    io::stdout().is_terminal() && is_live && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether standard error takes colours: a terminal that is not dumb, and `NO_COLOR` not set (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    is_live() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether standard error is a terminal that can redraw a line.
pub(crate) fn is_live() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty())
}

/// `text` without the characters that command a terminal or turn text around; line feeds and tabs stay.
pub(crate) fn tame(text: &str) -> Cow<'_, str> {
    let turns_text = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let wild = |c: char| (c.is_control() && c != '\n' && c != '\t') || turns_text(c);
    if !text.contains(wild) {
        return Cow::Borrowed(text);
    }
    // A carriage return before a line feed is only how some systems end lines.
    let text = text.replace("\r\n", "\n");
    Cow::Owned(text.chars().map(|c| if wild(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_escape() {
        assert_eq!(tame("a\tb\n"), "a\tb\n");
        assert_eq!(tame("\x1b]52;c;ZXZpbA==\x07x\r\ny\u{9b}1m"), "\u{fffd}]52;c;ZXZpbA==\u{fffd}x\ny\u{fffd}1m");
    }
}
