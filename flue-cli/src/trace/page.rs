//! A page of HTML with everything in it: no scripts, nothing that is loaded, and every text escaped.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use flue_core::reach::Verdict;

use super::diff::{Change, Line};
use super::{Kind, Recording, Row, Trace};
use crate::progress::words;

const STYLE: &str = include_str!("page.css");
/// The most bars of the cost of turns; beyond it several turns share one.
const MAX_BARS: usize = 240;
/// The most lines of a change that is shown without being asked for.
const MAX_OPEN: usize = 40;
/// The most names of a list of reach.
const MAX_LISTED: usize = 500;

/// Text from elsewhere, which commands no browser: mark-up is escaped, and so is what hides or turns text around.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write(
    recording: &Recording,
    name: &str,
    verdict: Option<&Verdict>,
    out: &mut impl Write,
) -> io::Result<()> {
    let trace = &recording.trace;
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"dark light\">\n\
         <title>{} · flue trace</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        Text(name)
    )?;
    summary(recording, name, out)?;
    writeln!(
        out,
        "<nav><a href=\"#timeline\">Timeline</a> <a href=\"#cost\">Cost</a> <a href=\"#files\">Files</a> \
         <a href=\"#reach\">Reach</a> <a href=\"#transcript\">Transcript</a></nav>"
    )?;
    timeline(trace, out)?;
    cost(trace, out)?;
    files(trace, out)?;
    reach(trace, verdict, out)?;
    transcript(trace, out)?;
    writeln!(out, "</body>\n</html>")
}

fn summary(recording: &Recording, name: &str, out: &mut impl Write) -> io::Result<()> {
    let trace = &recording.trace;
    let outcome = trace.outcome.unwrap_or("without an end");
    let class = if trace.outcome == Some("completed") { "good" } else { "bad" };
    writeln!(out, "<header><h1>{}</h1><p><b class=\"{class}\">{outcome}</b>", Text(name))?;
    if let Some(place) = &trace.ledger.sandbox {
        writeln!(out, " {} sandbox ({}), {}", place.level, Text(&place.provider), Text(&place.cwd))?;
    }
    writeln!(out, "</p><dl>")?;
    let mut facts = vec![
        ("turns", trace.turns.to_string()),
        ("calls", trace.calls.to_string()),
        ("failed calls", trace.calls_failed.to_string()),
        ("tokens in", words::tokens(trace.usage.context())),
        ("tokens out", words::tokens(trace.usage.output)),
        ("time", time(trace.took_ms)),
    ];
    facts.extend(trace.usage.cost.map(|cost| ("cost", words::money(cost.total))));
    for (name, value) in facts {
        write!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    writeln!(out, "</dl>")?;
    let missing = [
        (trace.rows_left_out, "rows are left out: there are too many"),
        (recording.unreadable, "lines of the record were no events"),
        (trace.ledger.lost_events, "events were lost before they were recorded"),
    ];
    for (count, what) in missing.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "<p class=\"bad\">{count} {what}</p>")?;
    }
    writeln!(out, "</header>")
}

fn time(ms: u64) -> String {
    words::time(Duration::from_millis(ms))
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Prompt => "prompt",
        Kind::Turn => "turn",
        Kind::Tool => "tool",
        Kind::Task => "task",
        Kind::Compaction => "compaction",
        Kind::Note => "note",
    }
}

fn timeline(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<section id=\"timeline\"><h2>Timeline</h2>")?;
    for (index, row) in trace.rows.iter().enumerate() {
        let state = match (row.failed.is_some(), trace.is_slow(row)) {
            (true, _) => " failed",
            (_, true) => " slow",
            _ => "",
        };
        let mark = if row.failed.is_some() {
            "✗ "
        } else if trace.is_slow(row) {
            "▲ "
        } else {
            ""
        };
        let took = row.took_ms.map(time).unwrap_or_else(|| if row.is_open() { "?".to_owned() } else { String::new() });
        let per_cent = |ms: u64| {
            #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
            let part = ms as f64 * 100.0 / trace.took_ms.max(1) as f64;
            part.min(100.0)
        };
        let (left, width) = (per_cent(row.at_ms), per_cent(row.took_ms.unwrap_or(0)).max(0.15));
        writeln!(
            out,
            "<a class=\"row {}{state}\" href=\"#r{index}\"><span>{}</span><span class=\"title\" style=\"padding-left:{}ch\" \
             title=\"{}\">{mark}{}</span><span class=\"track\"><i style=\"left:{left:.2}%;width:{width:.2}%\"></i></span>\
             <span>{took}</span><span>{}</span></a>",
            class(row.kind),
            time(row.at_ms),
            row.depth * 4 + usize::from(row.kind != Kind::Prompt) * 2 + usize::from(row.kind == Kind::Tool) * 2,
            Text(row.failed.as_deref().unwrap_or(&row.title)),
            Text(&row.title),
            row.usage.and_then(|usage| usage.cost).map(|cost| words::money(cost.total)).unwrap_or_default(),
        )?;
    }
    writeln!(out, "</section>")
}

/// A bar for each turn, or for several where there are many: money, or tokens where no price is known.
fn cost(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    let priced = trace.usage.cost.is_some();
    #[expect(clippy::cast_precision_loss, reason = "a height on a screen")]
    let value = |row: &Row| {
        let usage = row.usage.unwrap_or_default();
        if priced { usage.cost.map_or(0.0, |cost| cost.total) } else { usage.total() as f64 }
    };
    let turns: Vec<f64> = trace.rows.iter().filter(|row| row.kind == Kind::Turn).map(value).collect();
    writeln!(out, "<section id=\"cost\"><h2>{} by turn</h2>", if priced { "Cost" } else { "Tokens" })?;
    let together = turns.len().div_ceil(MAX_BARS).max(1);
    let bars: Vec<f64> = turns.chunks(together).map(|turns| turns.iter().sum()).collect();
    let most = bars.iter().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return writeln!(out, "<p>Nothing is known of it.</p></section>");
    }
    writeln!(out, "<div class=\"bars\">")?;
    for (index, bar) in bars.iter().enumerate() {
        let (first, last) = (index * together + 1, ((index + 1) * together).min(turns.len()));
        let which = if first == last { format!("turn {first}") } else { format!("turns {first} to {last}") };
        let shown = if priced { words::money(*bar) } else { format!("{bar:.0} tokens") };
        write!(out, "<i style=\"height:{:.1}%\" title=\"{which}: {shown}\"></i>", (bar / most * 100.0).max(1.0))?;
    }
    writeln!(out, "</div></section>")
}

fn files(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<section id=\"files\"><h2>Changes of files</h2>")?;
    let mut any = false;
    for (index, row) in trace.rows.iter().enumerate() {
        let Some(change) = Change::of(row) else { continue };
        any = true;
        let lines = change.lines();
        let open = if lines.len() <= MAX_OPEN { " open" } else { "" };
        writeln!(
            out,
            "<details{open}><summary><a href=\"#r{index}\">{}</a> {}</summary><pre class=\"diff\">",
            time(row.at_ms),
            Text(&change.path)
        )?;
        for line in lines {
            match line {
                Line::Removed(text) => writeln!(out, "<del>- {}</del>", Text(text))?,
                Line::Added(text) => writeln!(out, "<ins>+ {}</ins>", Text(text))?,
            }
        }
        writeln!(out, "</pre></details>")?;
    }
    if !any {
        writeln!(out, "<p>No call of write or edit changed a file. What commands changed is not known here.</p>")?;
    }
    writeln!(out, "</section>")
}

fn reach(trace: &Trace, verdict: Option<&Verdict>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<section id=\"reach\"><h2>Reach</h2>")?;
    if let Some(verdict) = verdict {
        writeln!(out, "<p class=\"verdict\">{}</p>", Text(&verdict.to_string()))?;
    }
    let reach = &trace.ledger.whole;
    writeln!(out, "<table><tr><th>commands run</th><td>{}</td></tr>", reach.execs)?;
    for (name, aspect, names) in reach.lists() {
        write!(out, "<tr><th>{name}</th><td>")?;
        let unknown = reach.unknown_of(aspect);
        if unknown > 0 {
            write!(out, "<p class=\"bad\">unknown: not measured for {unknown} of {} commands</p>", reach.execs)?;
        }
        if !names.is_empty() {
            write!(
                out,
                "<details{}><summary>{}</summary><ul>",
                if names.len() <= 12 { " open" } else { "" },
                names.len()
            )?;
            for name in names.iter().take(MAX_LISTED) {
                write!(out, "<li>{}</li>", Text(name))?;
            }
            write!(out, "</ul></details>")?;
        }
        let left_out = names.dropped() + names.len().saturating_sub(MAX_LISTED) as u64;
        if left_out > 0 {
            write!(out, "<p>and {left_out} more</p>")?;
        }
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</table></section>")
}

fn transcript(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<section id=\"transcript\"><h2>Transcript</h2>")?;
    for (index, row) in trace.rows.iter().enumerate() {
        let state = if row.failed.is_some() { " failed" } else { "" };
        let text = |name: &str, text: &str, out: &mut dyn Write| {
            if text.is_empty() { Ok(()) } else { writeln!(out, "<pre class=\"{name}\">{}</pre>", Text(text)) }
        };
        writeln!(
            out,
            "<article id=\"r{index}\" class=\"{}{state}\" style=\"margin-left:{}ch\"><h3>{} <small>{}{} · {}</small></h3>",
            class(row.kind),
            row.depth * 4,
            Text(&row.title),
            time(row.at_ms),
            row.took_ms.map(|took| format!(", took {}", time(took))).unwrap_or_default(),
            Text(&row.session),
        )?;
        if let (Some(why), Kind::Prompt | Kind::Turn | Kind::Task | Kind::Compaction) = (&row.failed, row.kind) {
            writeln!(out, "<p class=\"bad\">{}</p>", Text(why))?;
        }
        if row.kind == Kind::Tool {
            let open = if row.failed.is_some() { " open" } else { "" };
            writeln!(out, "<details{open}><summary>call and result</summary>")?;
            text("asked", &row.asked, out)?;
            text("said", &row.said, out)?;
            writeln!(out, "</details></article>")?;
        } else {
            text("asked", &row.asked, out)?;
            text("said", &row.said, out)?;
            writeln!(out, "</article>")?;
        }
    }
    writeln!(out, "</section>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_commands_no_browser() {
        assert_eq!(
            Text("</script><img src=x onerror='alert(1)'>\"&\u{202e}\u{1b}\n").to_string(),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;\u{fffd}\u{fffd}\n"
        );
    }
}
