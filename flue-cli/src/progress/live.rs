//! Progress on a terminal: lines for what is done, and below them one line, redrawn, for what is being done.
//!
//! When standard output is the terminal too, the model's text goes there as it comes. While a line of that text is not
//! complete, the line below it is not drawn: the text itself is the progress.

use std::io::{Stdout, Write};
use std::sync::Arc;
use std::time::Duration;

use flue_core::event::Event;

use super::plain::Lines;
use super::{Display, Tally, words};
use crate::output::tame;

/// Moves to the first column and erases the line.
const ERASE: &str = "\r\x1b[2K";

#[derive(Clone, Copy)]
enum Ink {
    Dim,
    Green,
    Red,
    Yellow,
}

/// What an agent does at a moment.
enum Doing {
    /// Preparing or finishing.
    Nothing,
    /// Waiting for the first sign of the model.
    Asking(String),
    Thinking,
    Answering,
    /// Waiting to ask again.
    Waiting,
    /// The calls that run, oldest first.
    Tools(Vec<Call>),
}

/// A call that runs.
struct Call {
    /// The session of the task in which it does; ids are unique in a session only.
    task: Option<Arc<str>>,
    id: Arc<str>,
    words: String,
}

/// The display on a terminal.
pub(super) struct Live<E, A = Stdout> {
    err: E,
    /// Standard output, if it is the terminal too.
    answer: Option<A>,
    colours: bool,
    verbose: bool,
    /// How wide the terminal is now.
    columns: fn() -> usize,
    thinking: Lines,
    /// Whether the last line on the screen is the redrawn one.
    drawn: bool,
    /// The model's text of this turn, as far as it is on standard output.
    shown: String,
    failure: String,
    doing: Doing,
    /// Whether the terminal is somebody else's.
    paused: bool,
    /// Whether what they wrote last is not on a line of its own yet.
    asked: bool,
}

impl<E: Write + Send, A: Write + Send> Live<E, A> {
    pub(super) fn new(err: E, answer: Option<A>, columns: fn() -> usize, colours: bool, verbose: bool) -> Self {
        Self {
            err,
            answer,
            colours,
            verbose,
            columns,
            thinking: Lines::default(),
            drawn: false,
            shown: String::new(),
            failure: String::new(),
            doing: Doing::Nothing,
            paused: false,
            asked: false,
        }
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Dim => 2,
            Ink::Green => 32,
            Ink::Red => 31,
            Ink::Yellow => 33,
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `text` cut to what stays on one line beside `taken` columns.
    fn fit(&self, text: &str, taken: usize) -> String {
        let room = (self.columns)().saturating_sub(taken + 1);
        if console::measure_text_width(text) <= room {
            return text.to_owned();
        }
        let mut width = 0;
        let mut fitting: String = text
            .chars()
            .take_while(|c| {
                width += console::measure_text_width(c.encode_utf8(&mut [0; 4]));
                width < room
            })
            .collect();
        fitting.push('…');
        fitting
    }

    /// Erases the redrawn line.
    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = self.err.write_all(ERASE.as_bytes());
        }
    }

    /// Ends an incomplete line of the model's text.
    fn end_text(&mut self) {
        if !self.shown.is_empty()
            && !self.shown.ends_with('\n')
            && let Some(answer) = &mut self.answer
        {
            let _ = answer.write_all(b"\n").and_then(|()| answer.flush());
            self.shown.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        self.end_text();
        self.erase();
        if std::mem::take(&mut self.asked) {
            let _ = self.err.write_all(b"\n");
        }
        let _ = writeln!(self.err, "{line}");
    }

    fn draw(&mut self, tally: &Tally) {
        if self.paused || !self.shown.is_empty() && !self.shown.ends_with('\n') {
            return;
        }
        let line = self.ink(Ink::Dim, &self.fit(&self.status(tally), 0));
        let _ = write!(self.err, "{ERASE}{line}").and_then(|()| self.err.flush());
        self.drawn = true;
    }

    fn text(&mut self, text: &str) {
        if self.answer.is_none() {
            return;
        }
        self.erase();
        let _ = self.err.flush();
        if let Some(answer) = &mut self.answer {
            let _ = answer.write_all(tame(text).as_bytes()).and_then(|()| answer.flush());
        }
        self.shown.push_str(text);
    }

    fn dim_lines(&mut self, lines: Vec<String>) {
        for line in lines {
            let line = self.ink(Ink::Dim, &format!("  {line}"));
            self.line(&line);
        }
    }

    fn tool_finished(&mut self, call: &Call, is_error: bool, result: &str, took: Duration) {
        let indent = if call.task.is_some() { "  " } else { "" };
        let took = format!(" · {}", words::time(took));
        let words = self.fit(&call.words, 2 + indent.len() + took.chars().count());
        let took = self.ink(Ink::Dim, &took);
        let mark = if is_error { self.ink(Ink::Red, "✗") } else { self.ink(Ink::Green, "✓") };
        self.line(&format!("{indent}{mark} {words}{took}"));
        if self.verbose {
            self.dim_lines(words::excerpt(result));
        } else if is_error {
            let line = self.ink(Ink::Red, &self.fit(&words::tool_error(result), 2));
            self.line(&format!("  {line}"));
        }
    }

    fn tool_started(&mut self, call: Call) {
        match &mut self.doing {
            Doing::Tools(calls) => calls.push(call),
            other => *other = Doing::Tools(vec![call]),
        }
    }

    /// The call of this id, which runs no more.
    fn take_call(&mut self, task: Option<&Arc<str>>, id: &str) -> Option<Call> {
        let Doing::Tools(calls) = &mut self.doing else { return None };
        let at = calls.iter().position(|call| call.task.as_ref() == task && &*call.id == id)?;
        Some(calls.remove(at))
    }

    /// What is being done, on one line.
    fn status(&self, tally: &Tally) -> String {
        let doing = match &self.doing {
            Doing::Nothing => String::new(),
            Doing::Asking(model) => format!(" · waiting for {model}"),
            Doing::Thinking => " · thinking".to_owned(),
            Doing::Answering => " · answering".to_owned(),
            Doing::Waiting => " · waiting to try again".to_owned(),
            Doing::Tools(calls) => match calls.as_slice() {
                [] => String::new(),
                [call] => format!(" · {}", call.words),
                [call, more @ ..] => format!(" · (+{}) {}", more.len(), call.words),
            },
        };
        // What counts stands first, so that a long call is what gets cut.
        let mut line = format!("turn {} · {}", tally.turns, words::time(tally.elapsed()));
        if tally.usage.total() > 0 {
            line.push_str(&format!(" · {} tokens", words::tokens(tally.usage.total())));
        }
        if let Some(cost) = tally.usage.cost {
            line.push_str(&format!(" · {}", words::money(cost.total)));
        }
        line + &doing
    }
}

impl<E: Write + Send, A: Write + Send> Display for Live<E, A> {
    fn event(&mut self, event: &Event, task: Option<&Arc<str>>, tally: &Tally) {
        let call = |id: &Arc<str>, words| Call { task: task.cloned(), id: id.clone(), words };
        match event {
            Event::ToolStarted { call_id, tool, arguments } => {
                self.tool_started(call(call_id, words::call(tool, arguments)));
            }
            Event::ToolFinished { call_id, tool, is_error, result, duration_ms } => {
                let known = self.take_call(task, call_id);
                let call = known.unwrap_or_else(|| call(call_id, words::call(tool, "{}")));
                self.tool_finished(&call, *is_error, result, Duration::from_millis(*duration_ms));
            }
            // What a subagent says is for its parent.
            _ if task.is_some() => {}
            Event::SandboxOpened { provider, cwd, .. } => {
                let line = self.ink(Ink::Dim, &format!("sandbox {provider}  {cwd}"));
                self.line(&line);
            }
            Event::TurnStarted { model, .. } => {
                self.end_text();
                self.shown.clear();
                self.doing = Doing::Asking(model.clone());
            }
            Event::ThinkingDelta { text } => {
                self.doing = Doing::Thinking;
                if self.verbose {
                    let lines = self.thinking.push(text);
                    self.dim_lines(lines);
                }
            }
            Event::TextDelta { text } => {
                self.doing = Doing::Answering;
                self.text(text);
            }
            Event::TurnFinished { error, .. } => {
                let rest = self.thinking.finish().into_iter().collect();
                self.dim_lines(rest);
                self.failure = error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
                self.doing = Doing::Nothing;
            }
            Event::Retrying { attempt, of, delay_ms } => {
                let line = words::retry(*attempt, *of, *delay_ms, &self.failure);
                let line = self.ink(Ink::Yellow, &line);
                self.line(&line);
                self.doing = Doing::Waiting;
            }
            Event::SandboxClosed | Event::PromptFinished { .. } => return,
            event => {
                if let Some(line) = words::aside(event) {
                    let line = self.ink(Ink::Dim, &line);
                    self.line(&line);
                }
            }
        }
        self.draw(tally);
    }

    fn tick(&mut self, tally: &Tally) {
        self.draw(tally);
    }

    fn pause(&mut self, paused: bool) {
        self.end_text();
        self.erase();
        let _ = self.err.flush();
        (self.paused, self.asked) = (paused, paused);
    }

    fn note(&mut self, text: &str) {
        let line = self.ink(Ink::Yellow, &tame(text));
        self.line(&line);
    }

    fn end(&mut self, summary: &str) -> Option<String> {
        let shown = self.shown.clone();
        let line = self.ink(Ink::Dim, summary);
        self.line(&line);
        let _ = self.err.flush();
        // A chat goes on with the next prompt.
        self.shown.clear();
        self.doing = Doing::Nothing;
        (!shown.is_empty()).then_some(shown)
    }
}
