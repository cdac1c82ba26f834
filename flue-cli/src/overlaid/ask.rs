//! Asking whoever sits at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;

use flue_core::{CancellationToken, Error, Result};
use flue_sandbox_local::Changes;

use super::Ended;
use super::show::show;
use crate::host::{io_error, shown};
use crate::output;

/// The terminal of this process, whatever its standard input is.
const TERMINAL: &str = "/dev/tty";
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 1024;

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Interrupted,
}

/// A terminal that shows changes and is answered at.
pub(super) struct Terminal(File);

impl Terminal {
    /// The terminal, if standard error is one: what it shows must be seen by whoever answers.
    pub(super) fn open() -> Option<Self> {
        let file = OpenOptions::new().read(true).open(TERMINAL).ok()?;
        io::stderr().is_terminal().then_some(Self(file))
    }

    /// Shows the changes and asks whether to apply them.
    ///
    /// # Errors
    /// Those of the terminal, and of saving a patch.
    pub(super) async fn ask(
        &self,
        changes: &Changes,
        ended: Ended,
        cancel: &CancellationToken,
        save: &dyn Fn() -> Result<PathBuf>,
    ) -> Result<Answer> {
        let failed = |error: io::Error| io_error("review", &error);
        let mut shown_changes = Vec::new();
        show(changes, output::colours(), &mut shown_changes).map_err(failed)?;
        io::stderr().write_all(&shown_changes).map_err(failed)?;
        let doubt = if ended == Ended::Badly { "It did not end well. " } else { "" };
        let question = format!("{doubt}Apply these changes? [y]es, [n]o, [s]ave as a patch: ");
        loop {
            write!(io::stderr(), "{question}").map_err(failed)?;
            let line = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    let _ = writeln!(io::stderr());
                    return Ok(Answer::Interrupted);
                }
                line = self.line() => line?,
            };
            match line.as_deref().map(str::trim) {
                // Nobody is there any more.
                None => return Ok(Answer::Interrupted),
                Some("y" | "yes" | "Y") => return Ok(Answer::Yes),
                Some("n" | "no" | "N") => return Ok(Answer::No),
                Some("s" | "save") => {
                    let file = save()?;
                    writeln!(io::stderr(), "saved as {}", shown(&file)).map_err(failed)?;
                }
                Some(_) => {}
            }
        }
    }

    /// The next line; nothing when the terminal is gone. The thread that waits for it is left behind when nobody wants it any
    /// more.
    async fn line(&self) -> Result<Option<String>> {
        let failed = |error: io::Error| io_error("review", &error);
        let file = self.0.try_clone().map_err(failed)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            // Nothing is read ahead: a terminal gives a line at a time.
            let read = BufReader::new(io::Read::take(file, MAX_ANSWER_BYTES)).read_line(&mut line)?;
            Ok((read > 0).then_some(line))
        });
        let read =
            read.await.map_err(|error| Error::new(flue_core::ErrorKind::Internal, "review", error.to_string()))?;
        read.map_err(failed)
    }
}
