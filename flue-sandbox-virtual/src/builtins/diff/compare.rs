//! What counts as equal, and the list of changes between two texts.

use std::collections::HashMap;
use std::ops::Range;

use super::config::{Config, Space, Style};
use super::myers;

const TAB_WIDTH: usize = 8;

/// One run of changed lines; `ignorable` if the options say it does not count.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
    pub(super) ignorable: bool,
}

/// Two texts cut into lines (each with its newline), and their changes.
pub(super) struct Comparison<'a> {
    pub(super) old: Vec<&'a [u8]>,
    pub(super) new: Vec<&'a [u8]>,
    pub(super) changes: Vec<Change>,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(old: &'a [u8], new: &'a [u8], config: &Config) -> Self {
        let old: Vec<&[u8]> = super::super::files::lines(old).collect();
        let new: Vec<&[u8]> = super::super::files::lines(new).collect();
        let mut ids = HashMap::new();
        let mut number = |lines: &[&[u8]]| -> Vec<u32> {
            lines
                .iter()
                .map(|line| {
                    let next = ids.len() as u32;
                    *ids.entry(key(line, config)).or_insert(next)
                })
                .collect()
        };
        let (old_ids, new_ids) = (number(&old), number(&new));
        let (head, tail) = equal_ends(&old, &new, config);
        let changes = myers::changes(&old_ids[head..old.len() - tail], &new_ids[head..new.len() - tail]);
        let changes = changes
            .into_iter()
            .map(|change| {
                let from_head = |lines: Range<usize>| lines.start + head..lines.end + head;
                let mut change = Change { old: from_head(change.old), new: from_head(change.new), ignorable: false };
                change.ignorable = !counts(&change, &old, &new, config);
                change
            })
            .collect();
        Self { old, new, changes }
    }

    /// Whether anything that counts differs.
    pub(super) fn differs(&self) -> bool {
        self.changes.iter().any(|change| !change.ignorable)
    }
}

/// How many lines at both ends are the same bytes and stay out of the search,
/// less those a hunk may show. GNU diff does so for speed; since no run of
/// changes slides into them, its output shows it.
fn equal_ends(old: &[&[u8]], new: &[&[u8]], config: &Config) -> (usize, usize) {
    let horizon = match config.style {
        Style::Unified(context) | Style::Context(context) => context,
        _ => 0,
    };
    let equal = |pair: &(&&[u8], &&[u8])| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(equal).count();
    let head = head.saturating_sub(horizon);
    let complete = |lines: &[&[u8]]| lines.last().is_none_or(|line| line.ends_with(b"\n"));
    if config.style != Style::Ed && complete(old) != complete(new) {
        return (head, 0);
    }
    let rest = old.len().min(new.len()) - head;
    let backwards = old.iter().rev().zip(new.iter().rev()).take(rest);
    let tail = backwards.take_while(equal).count();
    (head, tail.saturating_sub(horizon))
}

fn counts(change: &Change, old: &[&[u8]], new: &[&[u8]], config: &Config) -> bool {
    if !config.ignore_blank_lines && config.ignore_matching.is_empty() {
        return true;
    }
    let mut lines = old[change.old.clone()].iter().chain(&new[change.new.clone()]);
    !lines.all(|line| is_ignorable(line, config))
}

/// A line without its newline.
pub(super) fn body(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn is_ignorable(line: &[u8], config: &Config) -> bool {
    let text = body(line);
    let blank = if config.space >= Space::TrailingIgnored { text.trim_ascii().is_empty() } else { text.is_empty() };
    (config.ignore_blank_lines && blank) || config.ignore_matching.iter().any(|pattern| pattern.is_match(text))
}

/// The line as far as it counts.
fn key(line: &[u8], config: &Config) -> Vec<u8> {
    let text = body(line);
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let mut key: Vec<u8> = match config.space {
        Space::Counts => text.to_vec(),
        Space::TabExpansion => expand(text),
        Space::TrailingIgnored => trim_end(text, is_space).to_vec(),
        Space::AllIgnored => text.iter().copied().filter(|b| !is_space(b)).collect(),
        Space::AmountIgnored => {
            let mut key = Vec::with_capacity(text.len());
            for byte in trim_end(text, is_space) {
                match (is_space(byte), key.last()) {
                    (true, Some(b' ')) => {}
                    (true, _) => key.push(b' '),
                    (false, _) => key.push(*byte),
                }
            }
            key
        }
    };
    if config.ignore_case {
        key.make_ascii_lowercase();
    }
    // A last line without newline equals only another such, unless trailing
    // space does not count or the style cannot tell.
    let tells = config.space < Space::TrailingIgnored && config.style != Style::Ed;
    if tells && line.ends_with(b"\n") {
        key.push(b'\n');
    }
    key
}

fn trim_end(text: &[u8], is_space: impl Fn(&u8) -> bool) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(byte));
    &text[..end.map_or(0, |at| at + 1)]
}

/// Tabs as spaces up to the next multiple of eight columns.
pub(super) fn expand(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut column = 0;
    for &byte in text {
        if byte == b'\t' {
            let spaces = TAB_WIDTH - column % TAB_WIDTH;
            out.resize(out.len() + spaces, b' ');
            column += spaces;
        } else {
            out.push(byte);
            column += 1;
        }
    }
    out
}
