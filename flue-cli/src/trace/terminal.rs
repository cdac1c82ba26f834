//! A timeline for the terminal.

use std::time::Duration;

use console::measure_text_width;

use super::{Kind, Recording, Row, Trace};
use crate::progress::words;

/// The narrowest view; narrower terminals wrap it.
const LEAST_COLUMNS: usize = 60;
/// Columns from which on there are bars.
const BARS_FROM: usize = 100;
/// The widest title where there are bars.
const MAX_TITLE: usize = 70;
/// The most slow and failed parts that are named in the end.
const MAX_NAMED: usize = 5;

const RED: &str = "31";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

/// How wide the view is and whether it has colours.
#[derive(Debug, Clone, Copy)]
struct Look {
    columns: usize,
    colours: bool,
    /// Whether there are prices to show.
    priced: bool,
}

impl Look {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `text` on exactly `width` columns, cut or filled up.
    fn fit(text: &str, width: usize) -> String {
        let text = console::truncate_str(text, width, "…");
        let room = width.saturating_sub(measure_text_width(&text));
        format!("{text}{}", " ".repeat(room))
    }
}

/// The timeline, a line for each part.
pub(crate) fn render(recording: &Recording, columns: usize, colours: bool) -> String {
    let trace = &recording.trace;
    let look = Look { columns: columns.max(LEAST_COLUMNS), colours, priced: trace.usage.cost.is_some() };
    let mut lines = head(trace, look);
    lines.push(String::new());
    let title = format!("  {}", " ".repeat(look.title() + look.bar()));
    lines.push(look.paint(DIM, &look.line("start", &title, ["took", "in", "out", "cost"].map(str::to_owned))));
    lines.extend(trace.rows.iter().map(|row| line(trace, row, look)));
    lines.push(String::new());
    lines.extend(foot(recording, look));
    lines.join("\n") + "\n"
}

fn head(trace: &Trace, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(place) = &trace.ledger.sandbox {
        let text = if place.provider == place.level.to_string() {
            format!("{} in {}", place.level, place.cwd)
        } else {
            format!("{} ({}) in {}", place.level, place.provider, place.cwd)
        };
        lines.push(Look::fit(&text, look.columns).trim_end().to_owned());
    }
    let outcome = trace.outcome.unwrap_or("has no end");
    let is_good = trace.outcome == Some("completed");
    let calls = match trace.calls_failed {
        0 => format!("{} calls", trace.calls),
        failed => format!("{} calls, {failed} failed", trace.calls),
    };
    let mut parts = vec![
        format!("{} turns", trace.turns),
        calls,
        format!("{} tokens in, {} out", words::tokens(trace.usage.context()), words::tokens(trace.usage.output)),
    ];
    parts.extend(trace.usage.cost.map(|cost| words::money(cost.total)));
    parts.push(words::time(Duration::from_millis(trace.took_ms)));
    let code = if is_good { BOLD } else { "1;31" };
    lines.push(look.paint(code, outcome));
    lines.push(parts.join(" · "));
    lines
}

impl Look {
    /// What the columns besides title and bar take: the start, a mark, and the numbers.
    fn fixed(self) -> usize {
        let cost = if self.priced { 1 + 8 } else { 0 };
        8 + 1 + 2 + 8 + 1 + 7 + 1 + 7 + cost
    }

    fn title(self) -> usize {
        self.columns - self.fixed() - self.bar()
    }

    fn bar(self) -> usize {
        if self.columns < BARS_FROM { 0 } else { (self.columns - self.fixed()).saturating_sub(MAX_TITLE) }
    }

    /// `middle` between the start of a row and its numbers.
    fn line(self, at: &str, middle: &str, [took, input, out, cost]: [String; 4]) -> String {
        let mut line = format!("{at:>8} {middle}{took:>8} {input:>7} {out:>7}");
        if self.priced {
            line.push_str(&format!(" {cost:>8}"));
        }
        line.trim_end().to_owned()
    }
}

fn line(trace: &Trace, row: &Row, look: Look) -> String {
    let (is_slow, is_bad) = (trace.is_slow(row), row.failed.is_some());
    let mark = match (is_bad, is_slow, row.is_open()) {
        (true, ..) => "✗ ",
        (_, _, true) => "? ",
        (_, true, _) => "▲ ",
        _ => "  ",
    };
    let indent =
        "  ".repeat(row.depth * 2 + usize::from(row.kind != Kind::Prompt) + usize::from(row.kind == Kind::Tool));
    let mut title = format!("{indent}{}", row.title);
    if let (Some(why), Kind::Turn | Kind::Prompt | Kind::Compaction) = (&row.failed, row.kind) {
        title = format!("{title}: {why}");
    }
    let took = row.took_ms.map(|took| words::time(Duration::from_millis(took))).unwrap_or_default();
    let usage = row.usage.unwrap_or_default();
    let count = |tokens: u64| if tokens > 0 { words::tokens(tokens) } else { String::new() };
    let cost = usage.cost.map(|cost| words::money(cost.total)).unwrap_or_default();
    let bar = bar(trace, row, look.bar());
    let title = Look::fit(&title, look.title());
    let code = match (is_bad, is_slow, row.kind) {
        (true, ..) => RED,
        (_, true, _) => YELLOW,
        (_, _, Kind::Prompt) => BOLD,
        (_, _, Kind::Note) => DIM,
        _ => "",
    };
    let mut title = format!("{mark}{title}");
    if !code.is_empty() {
        title = look.paint(code, &title);
    }
    let at = words::time(Duration::from_millis(row.at_ms));
    let (input, out) = (count(usage.context()), count(usage.output));
    look.line(&at, &format!("{title}{bar}"), [took, input, out, cost])
}

/// Where in the run a row lies.
fn bar(trace: &Trace, row: &Row, width: usize) -> String {
    let room = width.saturating_sub(2);
    if room == 0 {
        return String::new();
    }
    let scale = |ms: u64| {
        let place = u128::from(ms.min(trace.took_ms)) * room as u128 / u128::from(trace.took_ms.max(1));
        usize::try_from(place).unwrap_or(room)
    };
    let begin = scale(row.at_ms).min(room - 1);
    let end = scale(row.at_ms.saturating_add(row.took_ms.unwrap_or(0))).clamp(begin + 1, room);
    let fill = match row.kind {
        Kind::Prompt | Kind::Task => "─",
        Kind::Turn => "█",
        Kind::Tool => "▒",
        Kind::Compaction => "░",
        Kind::Note => "·",
    };
    format!(" {}{}{} ", " ".repeat(begin), fill.repeat(end - begin), " ".repeat(room - end))
}

fn foot(recording: &Recording, look: Look) -> Vec<String> {
    let trace = &recording.trace;
    let mut lines = Vec::new();
    let mut slow: Vec<&Row> = trace.rows.iter().filter(|row| trace.is_slow(row)).collect();
    slow.sort_by_key(|row| std::cmp::Reverse(row.took_ms));
    for row in slow.iter().take(MAX_NAMED) {
        let took = words::time(Duration::from_millis(row.took_ms.unwrap_or(0)));
        let text = format!("▲ {took} at {}  {}", words::time(Duration::from_millis(row.at_ms)), row.title);
        lines.push(look.paint(YELLOW, Look::fit(&text, look.columns).trim_end()));
    }
    let failed = trace.rows.iter().filter(|row| row.failed.is_some() && row.kind != Kind::Note);
    let failed: Vec<&Row> = failed.collect();
    for row in failed.iter().take(MAX_NAMED) {
        let why = row.failed.as_deref().unwrap_or_default();
        let text = format!("✗ at {}  {}: {why}", words::time(Duration::from_millis(row.at_ms)), row.title);
        lines.push(look.paint(RED, Look::fit(&text, look.columns).trim_end()));
    }
    if failed.len() > MAX_NAMED {
        lines.push(format!("  and {} more that failed", failed.len() - MAX_NAMED));
    }
    let open = trace.rows.iter().filter(|row| row.is_open()).count();
    if open > 0 {
        lines.push(format!("? {open} without an end in the record: the run was killed, or goes on"));
    }
    if trace.rows_left_out > 0 {
        lines.push(format!("{} more rows are not shown", trace.rows_left_out));
    }
    if recording.unreadable > 0 {
        lines.push(format!("{} lines were no events and are left out", recording.unreadable));
    }
    if lines.is_empty() {
        lines.push("nothing failed and nothing was slow".to_owned());
    }
    lines
}
