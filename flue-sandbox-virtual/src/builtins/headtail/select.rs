//! The first or the last lines or bytes of what passes through.

use std::collections::VecDeque;

/// Bytes that are held at most to know the end of an input.
const MAX_HELD_BYTES: usize = 64 << 20;
/// Input looked at in one go, so that little is held where little is kept.
const STEP_BYTES: usize = 64 * 1024;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    /// Lines that end with this byte; the last one of an input may lack it.
    Lines(u8),
}

/// What is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    First(u64),
    AllButLast(u64),
    Last(u64),
    /// Everything behind so many.
    After(u64),
}

/// Lets a part of one input through.
pub(super) struct Selector {
    part: Part,
    unit: Unit,
    /// Units seen, for the parts that count from the start.
    seen: u64,
    /// The end of the input so far, for the parts that count from there.
    held: VecDeque<u8>,
    /// Complete lines in `held`.
    lines: u64,
}

impl Selector {
    pub(super) fn new(part: Part, unit: Unit) -> Self {
        Self { part, unit, seen: 0, held: VecDeque::new(), lines: 0 }
    }

    /// Whether nothing more will be let through.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.part, Part::First(count) if self.seen >= count)
    }

    /// Takes more of the input and adds what is let through to `out`. The error is why that is not possible.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
        match self.part {
            Part::First(count) => {
                let end = self.skip(piece, count);
                out.extend_from_slice(&piece[..end]);
            }
            Part::After(count) => {
                let start = self.skip(piece, count);
                out.extend_from_slice(&piece[start..]);
            }
            Part::AllButLast(count) => {
                for step in piece.chunks(STEP_BYTES) {
                    let excess = self.hold(step, count)?;
                    out.extend(self.held.drain(..excess));
                }
            }
            Part::Last(count) => {
                for step in piece.chunks(STEP_BYTES) {
                    let excess = self.hold(step, count)?;
                    self.held.drain(..excess);
                }
            }
        }
        Ok(())
    }

    /// Ends the input.
    pub(super) fn finish(self, out: &mut Vec<u8>) {
        if let Part::Last(_) = self.part {
            out.extend(self.held);
        }
    }

    /// The length of what belongs to the first `count` units.
    fn skip(&mut self, piece: &[u8], count: u64) -> usize {
        let left = count.saturating_sub(self.seen);
        match self.unit {
            Unit::Bytes => {
                let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.seen += length as u64;
                length
            }
            Unit::Lines(end) => {
                let mut length = 0;
                for line in piece.split_inclusive(|&byte| byte == end) {
                    if self.seen >= count {
                        return length;
                    }
                    length += line.len();
                    self.seen += u64::from(line.ends_with(&[end]));
                }
                length
            }
        }
    }

    /// Adds to what is held; returns how much of its start belongs to none of the last `count` units.
    fn hold(&mut self, step: &[u8], count: u64) -> Result<usize, &'static str> {
        self.held.extend(step);
        let excess = match self.unit {
            Unit::Bytes => self.held.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX)),
            Unit::Lines(end) => {
                self.lines += step.iter().filter(|&&byte| byte == end).count() as u64;
                let partial = self.held.back().is_some_and(|&byte| byte != end);
                let too_many = (self.lines + u64::from(partial)).saturating_sub(count).min(self.lines);
                self.lines -= too_many;
                let last = usize::try_from(too_many).unwrap_or(usize::MAX).checked_sub(1);
                let ends = || self.held.iter().enumerate().filter(|&(_, &byte)| byte == end).map(|(at, _)| at + 1);
                if count == 0 { self.held.len() } else { last.and_then(|last| ends().nth(last)).unwrap_or(0) }
            }
        };
        if self.held.len() - excess > MAX_HELD_BYTES { Err("memory exhausted") } else { Ok(excess) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is let through of `input`, pushed in pieces of `step` bytes.
    fn select(part: Part, unit: Unit, input: &str, step: usize) -> String {
        let mut selector = Selector::new(part, unit);
        let mut out = Vec::new();
        for piece in input.as_bytes().chunks(step) {
            selector.push(piece, &mut out).unwrap();
        }
        selector.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parts_do_not_depend_on_the_pieces() {
        let lines = Unit::Lines(b'\n');
        for step in 1..10 {
            assert_eq!(select(Part::First(2), lines, "a\nbb\nc\n", step), "a\nbb\n");
            assert_eq!(select(Part::First(9), lines, "a\nb", step), "a\nb");
            assert_eq!(select(Part::First(3), Unit::Bytes, "a\nbb\n", step), "a\nb");
            assert_eq!(select(Part::Last(2), lines, "a\nb\nc", step), "b\nc");
            assert_eq!(select(Part::Last(2), lines, "a\nb\nc\n", step), "b\nc\n");
            assert_eq!(select(Part::Last(0), lines, "a\nb\nc", step), "");
            assert_eq!(select(Part::Last(4), Unit::Bytes, "abcdef", step), "cdef");
            assert_eq!(select(Part::AllButLast(1), lines, "a\nb\nc", step), "a\nb\n");
            assert_eq!(select(Part::AllButLast(1), lines, "a\nb\n", step), "a\n");
            assert_eq!(select(Part::AllButLast(0), lines, "a\nb", step), "a\nb");
            assert_eq!(select(Part::AllButLast(2), Unit::Bytes, "abcde", step), "abc");
            assert_eq!(select(Part::After(1), lines, "a\nb\nc", step), "b\nc");
            assert_eq!(select(Part::After(0), Unit::Bytes, "abc", step), "abc");
            assert_eq!(select(Part::After(2), Unit::Bytes, "abc", step), "c");
        }
    }

    #[test]
    fn an_endless_input_is_not_held() {
        let mut selector = Selector::new(Part::Last(u64::MAX), Unit::Lines(b'\n'));
        let piece = vec![b'x'; 1 << 20];
        let pushed = (0..100).take_while(|_| selector.push(&piece, &mut Vec::new()).is_ok()).count();
        assert_eq!(pushed, MAX_HELD_BYTES >> 20);
    }
}
