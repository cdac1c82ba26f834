//! The line editor, with the messages of earlier chats.

use std::path::PathBuf;

use flue_core::{Error, ErrorKind};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, Config, Helper};

use super::{Source, Typed};
use crate::store::{private_file, state_dir};

/// What stands before a message.
const PROMPT: &str = "> ";
/// The most messages that are remembered.
const MAX_HISTORY: usize = 1000;
/// The file of them, in the directory of `flue`'s state.
const HISTORY_FILE: &str = "chat-history";

/// Reads messages at a terminal.
pub(super) struct Editor {
    editor: rustyline::Editor<Continuing, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor at this process's terminal. Without a place for it, history lasts as long as the chat.
    ///
    /// # Errors
    /// Those of the terminal.
    pub(super) fn open() -> Result<Self, Error> {
        let config = Config::builder()
            .max_history_size(MAX_HISTORY)
            .map_err(failed)?
            .history_ignore_space(true)
            .auto_add_history(true)
            // Whatever standard output is.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = rustyline::Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Continuing));
        let history = state_dir().ok().map(|state| state.join(HISTORY_FILE));
        let history = history.filter(|path| private_file(path).is_ok());
        if let Some(path) = &history {
            // A history that cannot be read is begun anew.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }
}

impl Source for Editor {
    fn next(&mut self) -> Typed {
        match self.editor.readline(PROMPT) {
            Ok(line) => {
                if let Some(path) = &self.history {
                    // A message that is not remembered is said all the same.
                    let _ = self.editor.append_history(path);
                }
                Typed::Line(line.replace("\\\n", "\n"))
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupted,
            Err(ReadlineError::Eof) => Typed::End,
            Err(error) => Typed::Failed(failed(error)),
        }
    }
}

fn failed(error: ReadlineError) -> Error {
    Error::new(ErrorKind::Io, "read message", error.to_string())
}

/// Goes on with a line that ends in `\`.
struct Continuing;

impl Helper for Continuing {}
impl Highlighter for Continuing {}

impl Completer for Continuing {
    type Candidate = String;
}

impl Hinter for Continuing {
    type Hint = String;
}

impl Validator for Continuing {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let goes_on = context.input().ends_with('\\');
        Ok(if goes_on { ValidationResult::Incomplete } else { ValidationResult::Valid(None) })
    }
}

/// The modes of the terminal, which come back when this is dropped: an editor that still waits leaves its own.
#[cfg(unix)]
pub(super) struct Modes(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Modes {
    pub(super) fn save() -> Self {
        Self(rustix::termios::tcgetattr(std::io::stdin()).ok())
    }
}

#[cfg(unix)]
impl Drop for Modes {
    fn drop(&mut self) {
        if let Some(modes) = &self.0 {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, modes);
        }
    }
}

/// Other systems' terminals have no modes that stay.
#[cfg(not(unix))]
pub(super) struct Modes;

#[cfg(not(unix))]
impl Modes {
    pub(super) fn save() -> Self {
        Self
    }
}
