//! Finds where a hunk belongs and applies it.

use super::parse::{Hunk, Sign};

/// Positions one hunk is tried at before it is given up.
const MAX_TRIES: usize = 2_000_000;

/// A text being patched, and what the hunks so far have done to it.
pub(super) struct Target {
    lines: Vec<Vec<u8>>,
    pub(super) output: Vec<Vec<u8>>,
    /// Input lines already copied or dropped.
    done: usize,
    /// How far the last hunk was from where it was meant to be.
    offset: isize,
    ignore_space: bool,
}

/// Where a hunk went.
pub(super) struct Placed {
    /// One-based line in the input.
    at: usize,
    pub(super) fuzz: usize,
    pub(super) offset: isize,
}

impl Target {
    pub(super) fn new(bytes: &[u8], ignore_space: bool) -> Self {
        Self {
            lines: super::super::files::lines(bytes).map(<[u8]>::to_vec).collect(),
            output: Vec::new(),
            done: 0,
            offset: 0,
            ignore_space,
        }
    }

    /// How many lines the output so far is longer than its input.
    pub(super) fn growth(&self) -> isize {
        self.output.len() as isize - self.done as isize
    }

    /// The hunk as it goes into a reject file: moved like the one before it.
    pub(super) fn shifted(&self, hunk: &Hunk) -> Hunk {
        let shift = |line: usize| line.saturating_add_signed(self.offset + self.growth());
        Hunk { old_start: shift(hunk.old_start), new_start: shift(hunk.new_start), ..hunk.clone() }
    }

    /// Where a hunk that fits nowhere was meant to go, in the output.
    pub(super) fn expected(&self, hunk: &Hunk) -> usize {
        let at = hunk.old_start as isize + self.offset + self.growth();
        at.max(1) as usize
    }

    /// Looks for the hunk's old lines, leaving out up to `fuzz` lines of context.
    pub(super) fn locate(&self, hunk: &Hunk, fuzz: usize) -> Option<Placed> {
        let pattern: Vec<&[u8]> = old_lines(hunk);
        let (prefix, suffix) = context(hunk);
        let widest = prefix.max(suffix) as isize;
        let fuzz_left = fuzz as isize;
        let prefix_fuzz = fuzz_left + prefix as isize - widest;
        let suffix_fuzz = fuzz_left + suffix as isize - widest;
        let guess = hunk.old_start as isize + self.offset;
        let input = self.lines.len() as isize;
        let length = pattern.len() as isize;
        let last = input - length + 1;
        let fits = |at: isize, front: isize, back: isize| {
            at > self.done as isize
                && at <= last + back
                && self.matches(&pattern, at as usize, front as usize, back as usize)
        };
        let placed = |at: isize| Some(Placed { at: at as usize, fuzz, offset: at - hunk.old_start as isize });
        if pattern.is_empty() {
            // A pure insertion goes where it says, if there is such a line.
            let at = guess.clamp(self.done as isize + 1, input + 1);
            return placed(at);
        }
        if prefix_fuzz < 0 {
            // Less context in front than behind: the start of the file.
            let whole = suffix_fuzz >= 0 || length == input;
            return (whole && fits(1, 0, suffix_fuzz.max(0))).then(|| placed(1)).flatten();
        }
        if suffix_fuzz < 0 {
            return fits(last, prefix_fuzz, 0).then(|| placed(last)).flatten();
        }
        let reach = guess.abs().max((last + suffix_fuzz - guess).abs()).min(MAX_TRIES as isize);
        (0..=reach)
            .flat_map(|distance| [guess + distance, guess - distance])
            .find(|&at| fits(at, prefix_fuzz, suffix_fuzz))
            .and_then(placed)
    }

    fn matches(&self, pattern: &[&[u8]], at: usize, front: usize, back: usize) -> bool {
        let Some(end) = pattern.len().checked_sub(back) else {
            return false;
        };
        (front..end).all(|line| self.same(pattern[line], &self.lines[at - 1 + line]))
    }

    fn same(&self, wanted: &[u8], found: &[u8]) -> bool {
        if !self.ignore_space {
            return wanted == found;
        }
        let words = |line: &[u8]| -> Vec<Vec<u8>> {
            line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
        };
        words(wanted) == words(found)
    }

    /// Applies a placed hunk; the one-based output line it starts at.
    pub(super) fn apply(&mut self, hunk: &Hunk, placed: &Placed) -> usize {
        let start = placed.at - 1;
        self.output.extend_from_slice(&self.lines[self.done..start]);
        self.done = start;
        let first = self.output.len() + 1;
        // What follows the last change stays open for the next hunk.
        let (_, suffix) = context(hunk);
        let changing = hunk.lines.len().saturating_sub(suffix);
        for (sign, line) in &hunk.lines[..changing] {
            match sign {
                Sign::Insert => self.output.push(line.clone()),
                Sign::Delete => self.done += 1,
                Sign::Same => {
                    // The file's own line: with fuzz it may differ.
                    self.output.extend(self.lines.get(self.done).cloned());
                    self.done += 1;
                }
            }
        }
        self.done = self.done.min(self.lines.len());
        self.offset = placed.offset;
        first
    }

    /// The patched text.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.output.extend_from_slice(&self.lines[self.done..]);
        let last = self.output.len().saturating_sub(1);
        // Only the last line may lack its newline, wherever it came from.
        for line in &mut self.output[..last] {
            if !line.ends_with(b"\n") {
                line.push(b'\n');
            }
        }
        self.output.concat()
    }
}

/// The hunk that undoes this one.
pub(super) fn reversed(hunk: &Hunk) -> Hunk {
    let mut lines: Vec<(Sign, Vec<u8>)> = Vec::with_capacity(hunk.lines.len());
    let mut inserts = Vec::new();
    for (sign, line) in &hunk.lines {
        match sign {
            Sign::Insert => lines.push((Sign::Delete, line.clone())),
            Sign::Delete => inserts.push((Sign::Insert, line.clone())),
            Sign::Same => {
                lines.append(&mut inserts);
                lines.push((Sign::Same, line.clone()));
            }
        }
    }
    lines.append(&mut inserts);
    Hunk { old_start: hunk.new_start, new_start: hunk.old_start, lines, function: hunk.function.clone() }
}

/// The most context lines a hunk has on either side.
pub(super) fn most_context(hunk: &Hunk) -> usize {
    let (prefix, suffix) = context(hunk);
    prefix.max(suffix)
}

fn context(hunk: &Hunk) -> (usize, usize) {
    let same = |line: &&(Sign, Vec<u8>)| line.0 == Sign::Same;
    let prefix = hunk.lines.iter().take_while(same).count();
    let suffix = hunk.lines.iter().rev().take_while(same).count();
    (prefix, suffix)
}

fn old_lines(hunk: &Hunk) -> Vec<&[u8]> {
    hunk.lines.iter().filter(|(sign, _)| *sign != Sign::Insert).map(|(_, line)| line.as_slice()).collect()
}
