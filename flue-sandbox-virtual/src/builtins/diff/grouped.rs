//! The styles with context: `diff -u` and `diff -c`.

use std::ops::Range;

use regex::bytes::Regex;

use super::compare::{Change, Comparison, body};
use super::config::Config;
use super::plain::{mark, text};

/// Bytes of a function's line that a hunk header shows.
const FUNCTION_BYTES: usize = 40;

/// Changes near enough to share their context, and the lines they span.
struct Hunk<'a> {
    changes: &'a [Change],
    old: Range<usize>,
    new: Range<usize>,
}

/// `@@ -1,7 +1,6 @@` hunks.
pub(super) fn unified(found: &Comparison<'_>, context: usize, config: &Config, header: &[u8], out: &mut Vec<u8>) {
    out.extend(header);
    for hunk in hunks(found, context) {
        let (old, new) = (unified_range(&hunk.old), unified_range(&hunk.new));
        out.extend(format!("@@ -{old} +{new} @@").bytes());
        function_line(found, &hunk, config.function.as_ref(), out);
        out.push(b'\n');
        let mut at = hunk.old.start;
        for change in hunk.changes {
            for line in &found.old[at..change.old.start] {
                unified_line(b" ", line, config, out);
            }
            for line in &found.old[change.old.clone()] {
                unified_line(b"-", line, config, out);
            }
            for line in &found.new[change.new.clone()] {
                unified_line(b"+", line, config, out);
            }
            at = change.old.end;
        }
        for line in &found.old[at..hunk.old.end] {
            unified_line(b" ", line, config, out);
        }
    }
}

fn unified_line(sign: &[u8], line: &[u8], config: &Config, out: &mut Vec<u8>) {
    if config.initial_tab && sign == b" " {
        out.push(b'\t');
        text(line, config, out);
    } else {
        mark(sign, line, config, out);
    }
}

/// `start,count` with a count of one left out; empty is the line before.
fn unified_range(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => lines.end.to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

/// `*** 1,7 ****` and `--- 1,6 ----` blocks.
pub(super) fn context(found: &Comparison<'_>, context: usize, config: &Config, header: &[u8], out: &mut Vec<u8>) {
    out.extend(header);
    for hunk in hunks(found, context) {
        out.extend(b"***************");
        function_line(found, &hunk, config.function.as_ref(), out);
        out.extend(format!("\n*** {} ****\n", context_range(&hunk.old)).bytes());
        let deletes = hunk.changes.iter().any(|change| !change.old.is_empty());
        if deletes {
            let marks = hunk.changes.iter().map(|change| {
                let sign = if change.new.is_empty() { b"-" } else { b"!" };
                (change.old.clone(), sign)
            });
            block(&found.old, &hunk.old, marks, config, out);
        }
        out.extend(format!("--- {} ----\n", context_range(&hunk.new)).bytes());
        let inserts = hunk.changes.iter().any(|change| !change.new.is_empty());
        if inserts {
            let marks = hunk.changes.iter().map(|change| {
                let sign = if change.old.is_empty() { b"+" } else { b"!" };
                (change.new.clone(), sign)
            });
            block(&found.new, &hunk.new, marks, config, out);
        }
    }
}

fn context_range(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => lines.start.to_string(),
        1 => lines.end.to_string(),
        _ => format!("{},{}", lines.start + 1, lines.end),
    }
}

fn block<'a>(
    lines: &[&[u8]],
    span: &Range<usize>,
    marks: impl Iterator<Item = (Range<usize>, &'a [u8; 1])>,
    config: &Config,
    out: &mut Vec<u8>,
) {
    let mut line = |sign: &[u8], at: usize| {
        out.extend(sign);
        out.push(if config.initial_tab { b'\t' } else { b' ' });
        text(lines[at], config, out);
    };
    let mut at = span.start;
    for (changed, sign) in marks {
        (at..changed.start).for_each(|at| line(b" ", at));
        changed.clone().for_each(|at| line(sign, at));
        at = changed.end;
    }
    (at..span.end).for_each(|at| line(b" ", at));
}

/// Groups changes whose contexts touch; groups that do not count are left out.
fn hunks<'a>(found: &'a Comparison<'_>, context: usize) -> Vec<Hunk<'a>> {
    let changes = &found.changes;
    let mut hunks = Vec::new();
    let mut first = 0;
    while first < changes.len() {
        let mut last = first;
        while let Some(next) = changes.get(last + 1) {
            // A change that does not count is worth less context.
            let reach = if next.ignorable { context } else { context.saturating_mul(2).saturating_add(1) };
            if next.old.start - changes[last].old.end >= reach {
                break;
            }
            last += 1;
        }
        let group = &changes[first..=last];
        if group.iter().any(|change| !change.ignorable) {
            hunks.push(hunk(found, group, context));
        }
        first = last + 1;
    }
    hunks
}

fn hunk<'a>(found: &Comparison<'_>, changes: &'a [Change], context: usize) -> Hunk<'a> {
    let (first, last) = (&changes[0], &changes[changes.len() - 1]);
    let before = context.min(first.old.start);
    let after = context.min(found.old.len() - last.old.end);
    Hunk {
        changes,
        old: first.old.start - before..last.old.end + after,
        new: first.new.start.saturating_sub(before)..(last.new.end + after).min(found.new.len()),
    }
}

/// The nearest line above the hunk that looks like a function's.
fn function_line(found: &Comparison<'_>, hunk: &Hunk<'_>, pattern: Option<&Regex>, out: &mut Vec<u8>) {
    let Some(pattern) = pattern else { return };
    let above = found.old[..hunk.old.start].iter().rev();
    if let Some(line) = above.map(|line| body(line)).find(|line| pattern.is_match(line)) {
        let shown = line.trim_ascii_start();
        out.push(b' ');
        out.extend(shown[..shown.len().min(FUNCTION_BYTES)].trim_ascii_end());
    }
}
