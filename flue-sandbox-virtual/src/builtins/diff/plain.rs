//! The styles without context: `diff`, `diff -e`, and format strings.

use std::ops::Range;

use super::compare::{Change, Comparison, body, expand};
use super::config::{Config, Formats};

const NO_NEWLINE: &[u8] = b"\n\\ No newline at end of file\n";

/// `5,7c8,9` with `<` and `>` lines.
pub(super) fn normal(found: &Comparison<'_>, config: &Config, out: &mut Vec<u8>) {
    for change in found.changes.iter().filter(|change| !change.ignorable) {
        let letter = match (change.old.is_empty(), change.new.is_empty()) {
            (true, _) => 'a',
            (_, true) => 'd',
            _ => 'c',
        };
        let (old, new) = (range(&change.old), range(&change.new));
        out.extend(format!("{old}{letter}{new}\n").bytes());
        for line in &found.old[change.old.clone()] {
            mark(b"<", line, config, out);
        }
        if letter == 'c' {
            out.extend(b"---\n");
        }
        for line in &found.new[change.new.clone()] {
            mark(b">", line, config, out);
        }
    }
}

/// One-based `first,last`; an empty range is the line before it.
fn range(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => lines.start.to_string(),
        1 => lines.end.to_string(),
        _ => format!("{},{}", lines.start + 1, lines.end),
    }
}

/// A line behind its mark, with the note if it lacks its newline.
pub(super) fn mark(mark: &[u8], line: &[u8], config: &Config, out: &mut Vec<u8>) {
    out.extend(mark);
    if config.initial_tab {
        out.push(b'\t');
    } else if matches!(mark, b"<" | b">") {
        out.push(b' ');
    }
    text(line, config, out);
}

pub(super) fn text(line: &[u8], config: &Config, out: &mut Vec<u8>) {
    if config.expand_tabs {
        out.extend(expand(body(line)));
    } else {
        out.extend(body(line));
    }
    if line.ends_with(b"\n") {
        out.push(b'\n');
    } else {
        out.extend(NO_NEWLINE);
    }
}

/// A script for `ed`, last change first so that line numbers stay true.
pub(super) fn ed(found: &Comparison<'_>, out: &mut Vec<u8>) {
    for change in found.changes.iter().rev().filter(|change| !change.ignorable) {
        let lines = range(&change.old);
        if change.new.is_empty() {
            out.extend(format!("{lines}d\n").bytes());
            continue;
        }
        let letter = if change.old.is_empty() { 'a' } else { 'c' };
        out.extend(format!("{lines}{letter}\n").bytes());
        let mut inserting = true;
        for line in &found.new[change.new.clone()] {
            if !inserting {
                out.extend(b"a\n");
                inserting = true;
            }
            if body(line) == b"." {
                // A lone dot would end the insertion: insert two, drop one.
                out.extend(b"..\n.\ns/.//\n");
                inserting = false;
            } else {
                out.extend(body(line));
                out.push(b'\n');
            }
        }
        if inserting {
            out.extend(b".\n");
        }
    }
}

/// `--*-line-format` and `--*-group-format`.
pub(super) fn formatted(found: &Comparison<'_>, formats: &Formats, out: &mut Vec<u8>) {
    let mut groups = Groups { found, formats, out };
    let mut done = Change { old: 0..0, new: 0..0, ignorable: false };
    for change in found.changes.iter().filter(|change| !change.ignorable) {
        groups.same(done.old.end..change.old.start, done.new.end..change.new.start);
        groups.changed(change);
        done = change.clone();
    }
    groups.same(done.old.end..found.old.len(), done.new.end..found.new.len());
}

struct Groups<'a, 'b> {
    found: &'a Comparison<'b>,
    formats: &'a Formats,
    out: &'a mut Vec<u8>,
}

impl Groups<'_, '_> {
    fn same(&mut self, old: Range<usize>, new: Range<usize>) {
        if !old.is_empty() {
            let format = self.formats.same_group.as_deref().unwrap_or("%=");
            self.group(format, old, new);
        }
    }

    fn changed(&mut self, change: &Change) {
        let formats = self.formats;
        let (old, new) = (change.old.clone(), change.new.clone());
        let old_group = formats.old_group.as_deref().unwrap_or("%<");
        let new_group = formats.new_group.as_deref().unwrap_or("%>");
        match (old.is_empty(), new.is_empty()) {
            (true, _) => self.group(new_group, old, new),
            (_, true) => self.group(old_group, old, new),
            _ => match &formats.changed_group {
                Some(format) => self.group(format, old, new),
                None => {
                    self.group(old_group, old.clone(), new.clone());
                    self.group(new_group, old, new);
                }
            },
        }
    }

    fn group(&mut self, format: &str, old: Range<usize>, new: Range<usize>) {
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                self.out.extend(c.to_string().bytes());
                continue;
            }
            match rest.next() {
                Some('<') => self.lines(old.clone(), false, self.formats.old_line.as_deref()),
                Some('=') => self.lines(old.clone(), false, self.formats.same_line.as_deref()),
                Some('>') => self.lines(new.clone(), true, self.formats.new_line.as_deref()),
                Some('%') => self.out.push(b'%'),
                Some('d') => {
                    let number = match rest.next() {
                        Some('f') => old.start + 1,
                        Some('l') => old.end,
                        Some('n') => old.len(),
                        Some('e') => old.start,
                        Some('m') => old.end + 1,
                        Some('F') => new.start + 1,
                        Some('L') => new.end,
                        Some('N') => new.len(),
                        Some('E') => new.start,
                        Some('M') => new.end + 1,
                        _ => continue,
                    };
                    self.out.extend(number.to_string().bytes());
                }
                Some(other) => self.out.extend(format!("%{other}").bytes()),
                None => self.out.push(b'%'),
            }
        }
    }

    fn lines(&mut self, at: Range<usize>, new: bool, format: Option<&str>) {
        let source = if new { &self.found.new } else { &self.found.old };
        for number in at {
            let line = source[number];
            let mut rest = format.unwrap_or("%L").chars();
            while let Some(c) = rest.next() {
                if c != '%' {
                    self.out.extend(c.to_string().bytes());
                    continue;
                }
                match rest.next() {
                    Some('L') => self.out.extend(line),
                    Some('l') => self.out.extend(body(line)),
                    Some('%') => self.out.push(b'%'),
                    Some('d') => {
                        rest.next();
                        self.out.extend((number + 1).to_string().bytes());
                    }
                    Some(other) => self.out.extend(format!("%{other}").bytes()),
                    None => self.out.push(b'%'),
                }
            }
        }
    }
}
