//! What the displays write, event by event, with control sequences in readable form.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use flue_core::event::{ErrorSummary, Event, Outcome};
use flue_core::model::{StopReason, Usage};
use flue_core::{Error, ErrorKind, SandboxLevel};

use super::live::Live;
use super::plain::Plain;
use super::{Display, Tally};

/// Both streams, as a terminal gets them: `<...>` went to standard output.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<String>>);

struct Err(Terminal);
struct Out(Terminal);

impl Write for Err {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().push_str(&format!("<{}>", std::str::from_utf8(bytes).unwrap()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Terminal {
    fn shown(&self) -> String {
        self.0.lock().unwrap().replace("\r\x1b[2K", "[erase]").replace('\x1b', "ESC")
    }
}

fn usage(input: u64) -> Usage {
    let mut usage = Usage::default();
    usage.input = input;
    usage
}

fn turn_started(turn: u32) -> Event {
    Event::TurnStarted { turn, model: "some/model".into(), messages: 1, tools: 6, system_bytes: 0 }
}

fn turn_finished(turn: u32, error: Option<ErrorSummary>) -> Event {
    let stop = error.is_none().then_some(StopReason::End);
    Event::TurnFinished { turn, stop, usage: usage(1500), calls: 0, duration_ms: 5, first_ms: None, error }
}

fn run(display: &mut dyn Display) {
    let text = |text: &str| Event::TextDelta { text: text.into() };
    let (id, tool): (Arc<str>, Arc<str>) = ("c".into(), "bash".into());
    let call = r#"{"command":"printf '\u001b[2J'; a command that is too long for a narrow terminal"}"#;
    let overloaded = Error::new(ErrorKind::Unavailable, "ask", "overloaded");
    let events = [
        Event::SandboxOpened { level: SandboxLevel::Virtual, provider: "virtual".into(), cwd: "/w".into() },
        turn_started(1),
        Event::ThinkingDelta { text: "Let me\nsee".into() },
        text("I look."),
        turn_finished(1, None),
        Event::ToolStarted { call_id: id.clone(), tool: tool.clone(), arguments: call.into() },
        Event::ToolFinished {
            call_id: id,
            tool,
            is_error: true,
            result: "exit code 1\nno \x1b[2J".into(),
            duration_ms: 9,
        },
        turn_started(2),
        turn_finished(2, Some((&overloaded).into())),
        Event::Retrying { attempt: 1, of: 3, delay_ms: 2000 },
        turn_started(3),
        text("All"),
        text(" is\x1b[31m well"),
        turn_finished(3, None),
        Event::PromptFinished {
            outcome: Outcome::Completed,
            usage: usage(4500),
            tasks: Usage::default(),
            turns: 3,
            duration_ms: 20,
            error: None,
        },
        Event::SandboxClosed,
    ];
    let mut tally = Tally::default();
    for event in &events {
        tally.event(event);
        display.event(event, None, &tally);
    }
    display.note("collected a as b");
    display.end("done  3 turns");
}

/// The time that has passed is not the same in every run.
fn without_times(shown: &str) -> String {
    let mut parts = shown.split(" · ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let rest = rest.strip_prefix("ms").or(rest.strip_prefix('s')).filter(|_| rest.len() < part.len());
        text.push_str(" · ");
        text.push_str(&rest.map_or_else(|| part.to_owned(), |rest| format!("TIME{rest}")));
    }
    text
}

#[test]
fn a_live_display_redraws_its_last_line_and_leaves_text_alone() {
    let terminal = Terminal::default();
    run(&mut Live::new(Err(terminal.clone()), Some(Out(terminal.clone())), || 60, false, false));
    insta::assert_snapshot!("live", without_times(&terminal.shown()));
}

#[test]
fn a_live_display_has_colours_and_thinking_when_asked() {
    let terminal = Terminal::default();
    run(&mut Live::new(Err(terminal.clone()), None::<Out>, || 80, true, true));
    let shown = terminal.shown();
    assert!(shown.contains("ESC[31m✗ESC[0m bash  $ printf '\u{fffd}[2J'"), "{shown}");
    assert!(shown.contains("ESC[2m  Let meESC[0m") && shown.contains("ESC[2m  seeESC[0m"), "{shown}");
    assert!(!shown.contains('<'), "{shown}");
}

#[test]
fn plain_lines_say_what_happened() {
    let terminal = Terminal::default();
    run(&mut Plain::new(Err(terminal.clone()), false));
    insta::assert_snapshot!("plain", terminal.shown());
    let terminal = Terminal::default();
    run(&mut Plain::new(Err(terminal.clone()), true));
    insta::assert_snapshot!("plain-verbose", terminal.shown());
}
