//! Progress as lines, for logs and pipes.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flue_core::event::Event;

use super::{Display, Tally, words};
use crate::output::tame;

/// One line for each thing that happens.
pub(super) struct Plain<W> {
    out: W,
    verbose: bool,
    /// Text or thinking whose line is not complete yet.
    partial: Lines,
    /// Whether `partial` is thinking.
    thinking: bool,
    failure: String,
    /// What stands before lines of a task.
    indent: &'static str,
}

/// Gathers pieces of text into lines.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// The longest line that is held back, in bytes.
    const MAX_BYTES: usize = 4096;

    /// Adds a piece, and gives the lines that are complete.
    pub(super) fn push(&mut self, text: &str) -> Vec<String> {
        self.0.push_str(text);
        let end = match self.0.rfind('\n') {
            Some(end) => end + 1,
            None if self.0.len() > Self::MAX_BYTES => self.0.len(),
            None => return Vec::new(),
        };
        let complete: String = self.0.drain(..end).collect();
        complete.lines().map(|line| tame(line).into_owned()).collect()
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| tame(&rest).into_owned())
    }
}

impl<W: Write + Send> Plain<W> {
    pub(super) fn new(out: W, verbose: bool) -> Self {
        Self { out, verbose, partial: Lines::default(), thinking: false, failure: String::new(), indent: "" }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", self.indent);
    }

    fn text(&mut self, text: &str, thinking: bool) {
        if self.verbose {
            if thinking != self.thinking {
                self.finish_text();
            }
            self.thinking = thinking;
            for line in self.partial.push(text) {
                self.line(&format!("  {line}"));
            }
        }
    }

    fn finish_text(&mut self) {
        if let Some(line) = self.partial.finish() {
            self.line(&format!("  {line}"));
        }
    }

    fn tool_finished(&mut self, tool: &str, is_error: bool, result: &str, took: Duration) {
        let tool = words::one_line(tool, 64);
        if is_error {
            self.line(&format!("tool error {tool}: {}", words::tool_error(result)));
        } else {
            self.line(&format!("tool done {tool}  {}", words::time(took)));
        }
        if self.verbose {
            for line in words::excerpt(result) {
                self.line(&format!("  {line}"));
            }
        }
    }
}

impl<W: Write + Send> Display for Plain<W> {
    fn event(&mut self, event: &Event, task: Option<&Arc<str>>, _tally: &Tally) {
        self.indent = if task.is_some() { "  " } else { "" };
        match event {
            // What a subagent says is for its parent.
            Event::TextDelta { .. } | Event::ThinkingDelta { .. } | Event::TurnFinished { .. } if task.is_some() => {}
            Event::SandboxOpened { provider, cwd, .. } => self.line(&format!("sandbox {provider}  {cwd}")),
            Event::TurnStarted { turn, model, .. } if self.verbose => self.line(&format!("turn {turn}  {model}")),
            Event::ThinkingDelta { text } => self.text(text, true),
            Event::TextDelta { text } => self.text(text, false),
            Event::TurnFinished { error, .. } => {
                self.finish_text();
                self.failure = error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
            }
            Event::Retrying { attempt, of, delay_ms } => {
                let line = words::retry(*attempt, *of, *delay_ms, &self.failure);
                self.line(&line);
            }
            Event::ToolStarted { tool, arguments, .. } => self.line(&format!("tool {}", words::call(tool, arguments))),
            Event::ToolFinished { tool, is_error, result, duration_ms, .. } => {
                self.tool_finished(tool, *is_error, result, Duration::from_millis(*duration_ms));
            }
            event => {
                if let Some(line) = words::aside(event) {
                    self.line(&line);
                }
            }
        }
        self.indent = "";
    }

    fn note(&mut self, text: &str) {
        self.line(&tame(text));
    }

    fn end(&mut self, summary: &str) -> Option<String> {
        self.finish_text();
        self.line(summary);
        None
    }
}
