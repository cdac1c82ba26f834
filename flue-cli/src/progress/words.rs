//! How numbers, times and tool calls are put into words.

use std::time::Duration;

use flue_core::event::{Event, Outcome};
use flue_core::model::Usage;
use serde_json::Value;

use super::Tally;
use crate::output::tame;

/// The longest detail of a tool call, in characters.
pub(crate) const MAX_DETAIL: usize = 120;
/// The longest error of a tool that is shown whole, in characters.
const MAX_ERROR: usize = 200;

/// The argument of a built-in tool that says most.
const TELLING: [(&str, &str); 8] = [
    ("bash", "command"),
    ("read", "path"),
    ("write", "path"),
    ("edit", "path"),
    ("grep", "pattern"),
    ("glob", "pattern"),
    ("task", "prompt"),
    ("activate_skill", "name"),
];

/// A tool call on one line: `read  document.md`, `bash  $ wc -l document.md`.
pub(crate) fn call(tool: &str, arguments: &str) -> String {
    let value: Value = serde_json::from_str(arguments).unwrap_or(Value::Null);
    let telling =
        TELLING.iter().find(|(name, _)| *name == tool).and_then(|(_, argument)| value.get(argument)?.as_str());
    let (prompt, detail) = match telling {
        Some(detail) => (if tool == "bash" { "$ " } else { "" }, detail),
        None if arguments == "{}" => ("", ""),
        None => ("", arguments),
    };
    let detail = one_line(detail, MAX_DETAIL);
    if detail.is_empty() {
        one_line(tool, MAX_DETAIL)
    } else {
        format!("{}  {prompt}{detail}", one_line(tool, MAX_DETAIL))
    }
}

/// What a tool told the model of an error: short ones whole, long ones by their size and beginning.
pub(super) fn tool_error(result: &str) -> String {
    let chars = result.chars().count();
    let text = one_line(result, MAX_ERROR);
    if chars > MAX_ERROR { format!("{text} ({chars} chars)") } else { text }
}

/// What is said of a turn that is going to be tried again.
pub(super) fn retry(attempt: u32, of: u32, delay_ms: u64, why: &str) -> String {
    format!("retry {attempt}/{of} in {}: {}", time(Duration::from_millis(delay_ms)), one_line(why, MAX_ERROR))
}

/// What is said of an event besides turns and tools, if anything.
pub(super) fn aside(event: &Event) -> Option<String> {
    Some(match event {
        Event::WorkspaceSkipped { path, why } => {
            format!("passed over {}: {}", one_line(path, MAX_DETAIL), one_line(why, MAX_ERROR))
        }
        Event::CompactionStarted { tokens: count, .. } => format!("making room: about {} tokens", tokens(*count)),
        Event::CompactionFinished { error: Some(error), .. } => {
            format!("no room was made: {}", one_line(&error.message, MAX_ERROR))
        }
        Event::CompactionFinished { messages_before, messages_after, .. } => {
            format!("made room: {messages_before} messages are shown to the model as {messages_after}")
        }
        Event::Reminded { attempt, of } => format!("there is no result yet; asked again ({attempt} of {of})"),
        _ => return None,
    })
}

/// The first lines of what a tool returned.
pub(crate) fn excerpt(result: &str) -> Vec<String> {
    /// Lines that are shown.
    const MAX_LINES: usize = 20;
    let mut lines: Vec<String> = result.lines().take(MAX_LINES).map(|line| one_line(line, MAX_DETAIL)).collect();
    let more = result.lines().skip(MAX_LINES).count();
    if more > 0 {
        lines.push(format!("... ({more} more lines)"));
    }
    lines
}

/// `text` on one line of at most `max` characters, safe for a terminal; what is cut ends in `...`.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let text = tame(text.trim());
    let mut line = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == max {
            line.push_str("...");
            break;
        }
        line.push(if c == '\n' || c == '\t' { ' ' } else { c });
    }
    line
}

/// The last line of a run.
pub(super) fn summary(tally: &Tally) -> String {
    let outcome = match tally.outcome {
        Some(Outcome::Completed) => "done",
        Some(Outcome::Cancelled) => "stopped",
        Some(Outcome::TimedOut) => "out of time",
        Some(Outcome::LimitReached) => "limit reached",
        _ => "failed",
    };
    let turns = if tally.turns == 1 { "turn" } else { "turns" };
    format!("{outcome}  {} {turns} · {} · {}", tally.turns, spent(&tally.usage), time(tally.elapsed()))
}

/// Tokens and money: `1.5k tokens in, 20 out · $0.0012`.
pub(crate) fn spent(usage: &Usage) -> String {
    let mut words = format!("{} tokens in, {} out", tokens(usage.context()), tokens(usage.output));
    if let Some(cost) = usage.cost {
        words.push_str(&format!(" · {}", money(cost.total)));
    }
    words
}

/// `940`, `12.3k`, `4.1M`.
pub(crate) fn tokens(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit / (unit / 10));
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", tenths(1_000)),
        _ => format!("{}M", tenths(1_000_000)),
    }
}

/// US dollars: cents to two places, less to four.
pub(crate) fn money(dollars: f64) -> String {
    if dollars > 0.0 && dollars < 0.1 { format!("${dollars:.4}") } else { format!("${dollars:.2}") }
}

/// `12ms`, `3.21s`, `2m5.0s`.
pub(crate) fn time(duration: Duration) -> String {
    /// Where minutes begin.
    const MINUTE: u64 = 60;
    if duration.as_secs() == 0 {
        format!("{}ms", duration.as_millis())
    } else if duration.as_secs() < MINUTE {
        format!("{:.2}s", duration.as_secs_f64())
    } else {
        let minutes = duration.as_secs() / MINUTE;
        format!("{minutes}m{:.1}s", (duration - Duration::from_secs(minutes * MINUTE)).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_show_the_telling_argument() {
        assert_eq!(call("bash", r#"{"command":"echo a\necho b"}"#), "bash  $ echo a echo b");
        assert_eq!(call("read", r#"{"offset":3,"path":"a.md"}"#), "read  a.md");
        assert_eq!(call("lookup", r#"{"id":7}"#), r#"lookup  {"id":7}"#);
        assert_eq!(call("lookup", "{}"), "lookup");
        assert_eq!(call("read", "{broken"), "read  {broken");
        let long = call("bash", &format!(r#"{{"command":"{}"}}"#, "x".repeat(200)));
        assert_eq!(long, format!("bash  $ {}...", "x".repeat(120)));
        assert_eq!(call("bash", r#"{"command":"\u001b[2J"}"#), "bash  $ \u{fffd}[2J");
    }

    #[test]
    fn quantities_are_short() {
        assert_eq!([0, 999, 1_000, 12_345, 4_199_999].map(tokens), ["0", "999", "1.0k", "12.3k", "4.1M"]);
        assert_eq!([0.0, 0.0012, 0.25, 12.0].map(money), ["$0.00", "$0.0012", "$0.25", "$12.00"]);
        assert_eq!([12, 3_210, 125_000].map(|ms| time(Duration::from_millis(ms))), ["12ms", "3.21s", "2m5.0s"]);
    }

    #[test]
    fn long_tool_errors_say_how_long_they_are() {
        assert_eq!(tool_error("exit code 1\nno"), "exit code 1 no");
        assert!(tool_error(&"x".repeat(300)).ends_with("x... (300 chars)"));
    }
}
