//! Asking whoever sits at the terminal.

use std::io::{self, Write};
use std::path::PathBuf;

use flue_core::{CancellationToken, ErrorKind, Result};
use flue_sandbox_local::Changes;

use super::Ended;
use super::show::show;
use crate::host::{io_error, shown};
use crate::output;
use crate::terminal::Terminal;

/// What asking is called in its errors.
const OPERATION: &str = "review";

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Interrupted,
}

/// A terminal that shows changes and is answered at.
pub(super) struct Reviewer(Terminal);

impl Reviewer {
    /// Whoever reviews, if somebody sits there.
    pub(super) fn open() -> Option<Self> {
        Terminal::open().map(Self)
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
        let failed = |error: io::Error| io_error(OPERATION, &error);
        let mut shown_changes = Vec::new();
        show(changes, output::colours(), &mut shown_changes).map_err(failed)?;
        io::stderr().write_all(&shown_changes).map_err(failed)?;
        let doubt = if ended == Ended::Badly { "It did not end well. " } else { "" };
        let question = format!("{doubt}Apply these changes? [y]es, [n]o, [s]ave as a patch: ");
        loop {
            write!(io::stderr(), "{question}").map_err(failed)?;
            let line = match self.0.line(OPERATION, cancel).await {
                Err(error) if error.kind() == ErrorKind::Cancelled => {
                    let _ = writeln!(io::stderr());
                    return Ok(Answer::Interrupted);
                }
                line => line?,
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
}
