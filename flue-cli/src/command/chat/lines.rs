//! What is typed in a chat, or piped in: one message at a time, read when it is asked for.
//!
//! A thread of its own reads, because neither an editor nor a pipe can be awaited. It reads nothing ahead: while a turn runs,
//! the terminal is as it was, so that Ctrl-C is a signal and questions can be answered.

#[cfg(feature = "editor")]
mod editor;

use std::io::{self, BufRead, IsTerminal, Read};
use std::sync::mpsc;

use flue_core::{Error, ErrorKind};

use crate::host::io_error;
use crate::input::MAX_TEXT_BYTES;

/// What was typed.
#[derive(Debug)]
pub(super) enum Typed {
    /// A message, without the end of its line.
    Line(String),
    /// Ctrl-C, at a line that is not sent.
    #[cfg(feature = "editor")]
    Interrupted,
    /// There is no more.
    End,
    /// It could not be read.
    Failed(Error),
}

/// Something that lines come from.
trait Source {
    /// Waits for the next one.
    fn next(&mut self) -> Typed;
}

/// Lines, one after the other.
pub(super) struct Lines {
    wanted: mpsc::Sender<()>,
    typed: tokio::sync::mpsc::Receiver<Typed>,
    is_edited: bool,
    #[cfg(feature = "editor")]
    _modes: Option<editor::Modes>,
}

impl Lines {
    /// Lines of an editor if somebody types, and else of standard input.
    pub(super) fn open() -> Self {
        let is_edited = cfg!(feature = "editor") && io::stdin().is_terminal() && io::stderr().is_terminal();
        let (wanted, wants) = mpsc::channel();
        let (sender, typed) = tokio::sync::mpsc::channel(1);
        let read = move || {
            let mut source = source(is_edited);
            while wants.recv().is_ok() {
                if sender.blocking_send(source.next()).is_err() {
                    return;
                }
            }
        };
        // Without a thread the channel is closed, which reads as the end.
        let _ = std::thread::Builder::new().name("lines".to_owned()).spawn(read);
        Self {
            wanted,
            typed,
            is_edited,
            #[cfg(feature = "editor")]
            _modes: is_edited.then(editor::Modes::save),
        }
    }

    /// Whether somebody types at a terminal.
    pub(super) fn is_edited(&self) -> bool {
        self.is_edited
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Typed {
        if self.wanted.send(()).is_err() {
            return Typed::End;
        }
        self.typed.recv().await.unwrap_or(Typed::End)
    }
}

#[cfg(feature = "editor")]
fn source(is_edited: bool) -> Box<dyn Source> {
    match is_edited.then(editor::Editor::open) {
        Some(Ok(editor)) => Box::new(editor),
        Some(Err(error)) => Box::new(Broken(Some(error))),
        None => Box::new(Piped),
    }
}

#[cfg(not(feature = "editor"))]
fn source(_: bool) -> Box<dyn Source> {
    Box::new(Piped)
}

/// A source that could not be opened.
#[cfg(feature = "editor")]
struct Broken(Option<Error>);

#[cfg(feature = "editor")]
impl Source for Broken {
    fn next(&mut self) -> Typed {
        self.0.take().map_or(Typed::End, Typed::Failed)
    }
}

/// Standard input, line by line.
struct Piped;

impl Source for Piped {
    fn next(&mut self) -> Typed {
        let mut message = String::new();
        loop {
            let room = MAX_TEXT_BYTES.saturating_sub(message.len() as u64);
            let mut line = Vec::new();
            match io::stdin().lock().take(room).read_until(b'\n', &mut line) {
                Err(error) => return Typed::Failed(io_error("read message", &error)),
                Ok(0) if room == 0 => {
                    let why = "a message is longer than is taken here";
                    return Typed::Failed(
                        Error::new(ErrorKind::LimitExceeded, "read message", why).with("limit_bytes", MAX_TEXT_BYTES),
                    );
                }
                Ok(0) if message.is_empty() => return Typed::End,
                Ok(0) => return Typed::Line(message),
                Ok(_) => {}
            }
            match String::from_utf8(line) {
                Ok(line) => message.push_str(&line),
                Err(_) => {
                    let why = "a message is not UTF-8 text";
                    return Typed::Failed(Error::new(ErrorKind::InvalidInput, "read message", why));
                }
            }
            // The end of an overlong line is found at the next look.
            if !message.ends_with('\n') {
                continue;
            }
            message.truncate(message.trim_end_matches(['\n', '\r']).len());
            match message.strip_suffix('\\') {
                Some(begun) => message = format!("{begun}\n"),
                None => return Typed::Line(message),
            }
        }
    }
}
