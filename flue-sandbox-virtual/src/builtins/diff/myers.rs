//! The line differencing of `diff`: Myers' O(ND) search from both ends.
//!
//! "An O(ND) Difference Algorithm and Its Variations", E. Myers, 1986, in its
//! linear-space form. Lines are compared as numbers: equal lines, equal
//! numbers. Among equally short scripts the one GNU diff prints is wanted, so
//! ties go the way it lets them go, and runs of changes are slid over equal
//! lines afterwards.

use std::ops::Range;

/// Edit cost after which the search settles for a good split instead of the
/// best: files of unrelated lines would otherwise take quadratic time.
const GOOD_ENOUGH_COST: usize = 4096;

/// Diagonals visited after which every further search settles early, so that
/// two large unrelated files take seconds at most.
const MAX_VISITS: usize = 100_000_000;
/// The cost at which it then settles.
const HURRIED_COST: usize = 32;

/// Beyond any line number, with room to subtract a diagonal.
const FAR: isize = isize::MAX / 2;

/// One run of changed lines: those of the old file, those of the new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The changes that turn `old` into `new`, in order.
pub(super) fn changes(old: &[u32], new: &[u32]) -> Vec<Change> {
    let (mut old_changed, mut new_changed) = mark_changes(old, new);
    slide_runs(old, &mut old_changed, &new_changed);
    slide_runs(new, &mut new_changed, &old_changed);
    collect(&old_changed, &new_changed)
}

/// Which lines of each file have no counterpart in the other.
fn mark_changes(old: &[u32], new: &[u32]) -> (Vec<bool>, Vec<bool>) {
    let kinds = old.iter().chain(new).max().map_or(0, |&id| id as usize + 1);
    let occurs = |lines: &[u32]| {
        let mut seen = vec![false; kinds];
        lines.iter().for_each(|&id| seen[id as usize] = true);
        seen
    };
    let (in_old, in_new) = (occurs(old), occurs(new));
    let mut old_changed: Vec<bool> = old.iter().map(|&id| !in_new[id as usize]).collect();
    let mut new_changed: Vec<bool> = new.iter().map(|&id| !in_old[id as usize]).collect();
    // Lines the other file lacks cannot match, so the search never sees them.
    let kept = |changed: &[bool]| -> Vec<usize> { (0..changed.len()).filter(|&at| !changed[at]).collect() };
    let (old_at, new_at) = (kept(&old_changed), kept(&new_changed));
    let old_ids: Vec<u32> = old_at.iter().map(|&at| old[at]).collect();
    let new_ids: Vec<u32> = new_at.iter().map(|&at| new[at]).collect();
    Search::new(&old_ids, &new_ids).run(|at| old_changed[old_at[at]] = true, |at| new_changed[new_at[at]] = true);
    (old_changed, new_changed)
}

/// The furthest-reaching points of both searches, by diagonal.
struct Search<'a> {
    old: &'a [u32],
    new: &'a [u32],
    forward: Vec<isize>,
    backward: Vec<isize>,
    /// Index of diagonal 0 in the two arrays.
    zero: isize,
    visits: usize,
}

struct Split {
    x: usize,
    y: usize,
}

impl<'a> Search<'a> {
    fn new(old: &'a [u32], new: &'a [u32]) -> Self {
        let diagonals = old.len() + new.len() + 3;
        Self {
            old,
            new,
            forward: vec![0; diagonals],
            backward: vec![0; diagonals],
            zero: new.len() as isize + 1,
            visits: 0,
        }
    }

    fn run(mut self, mut deleted: impl FnMut(usize), mut inserted: impl FnMut(usize)) {
        let mut todo = vec![(0..self.old.len(), 0..self.new.len())];
        while let Some((mut x, mut y)) = todo.pop() {
            while !x.is_empty() && !y.is_empty() && self.old[x.start] == self.new[y.start] {
                x.start += 1;
                y.start += 1;
            }
            while !x.is_empty() && !y.is_empty() && self.old[x.end - 1] == self.new[y.end - 1] {
                x.end -= 1;
                y.end -= 1;
            }
            if x.is_empty() {
                y.for_each(&mut inserted);
            } else if y.is_empty() {
                x.for_each(&mut deleted);
            } else {
                let split = self.middle(&x, &y);
                todo.push((split.x..x.end, split.y..y.end));
                todo.push((x.start..split.x, y.start..split.y));
            }
        }
    }

    /// A point that an edit path of least cost passes through.
    fn middle(&mut self, x: &Range<usize>, y: &Range<usize>) -> Split {
        let (x0, x1) = (x.start as isize, x.end as isize);
        let (y0, y1) = (y.start as isize, y.end as isize);
        let (lowest, highest) = (x0 - y1, x1 - y0);
        let (start, end) = (x0 - y0, x1 - y1);
        let odd = (start - end) % 2 != 0;
        let zero = self.zero;
        let at = |diagonal: isize| (diagonal + zero) as usize;
        let (mut f_low, mut f_high) = (start, start);
        let (mut b_low, mut b_high) = (end, end);
        self.forward[at(start)] = x0;
        self.backward[at(end)] = x1;
        for cost in 1.. {
            widen(&mut self.forward, at, &mut f_low, &mut f_high, lowest, highest, -1);
            let mut d = f_high;
            while d >= f_low {
                let (below, above) = (self.forward[at(d - 1)], self.forward[at(d + 1)]);
                let mut px = if below < above { above } else { below + 1 };
                let mut py = px - d;
                while px < x1 && py < y1 && self.old[px as usize] == self.new[py as usize] {
                    px += 1;
                    py += 1;
                }
                self.forward[at(d)] = px;
                if odd && b_low <= d && d <= b_high && self.backward[at(d)] <= px {
                    return split(px, py);
                }
                d -= 2;
            }
            widen(&mut self.backward, at, &mut b_low, &mut b_high, lowest, highest, FAR);
            let mut d = b_high;
            while d >= b_low {
                let (below, above) = (self.backward[at(d - 1)], self.backward[at(d + 1)]);
                let mut px = if below < above { below } else { above - 1 };
                let mut py = px - d;
                while x0 < px && y0 < py && self.old[px as usize - 1] == self.new[py as usize - 1] {
                    px -= 1;
                    py -= 1;
                }
                self.backward[at(d)] = px;
                if !odd && f_low <= d && d <= f_high && px <= self.forward[at(d)] {
                    return split(px, py);
                }
                d -= 2;
            }
            self.visits += (f_high - f_low + b_high - b_low) as usize / 2;
            if cost >= GOOD_ENOUGH_COST || (self.visits > MAX_VISITS && cost >= HURRIED_COST) {
                break;
            }
        }
        self.furthest((f_low, f_high), (b_low, b_high), x, y)
    }

    /// The end of whichever search came further, when neither met the other.
    fn furthest(&self, forward: (isize, isize), backward: (isize, isize), x: &Range<usize>, y: &Range<usize>) -> Split {
        let at = |diagonal: isize| (diagonal + self.zero) as usize;
        let (x0, x1) = (x.start as isize, x.end as isize);
        let (y0, y1) = (y.start as isize, y.end as isize);
        let ahead = (forward.0..=forward.1)
            .step_by(2)
            .map(|d| {
                let px = self.forward[at(d)].min(x1);
                let py = (px - d).min(y1);
                (py + d, py)
            })
            .max_by_key(|(px, py)| px + py);
        let behind = (backward.0..=backward.1)
            .step_by(2)
            .map(|d| {
                let px = self.backward[at(d)].max(x0);
                let py = (px - d).max(y0);
                (py + d, py)
            })
            .min_by_key(|(px, py)| px + py);
        match (ahead, behind) {
            (Some((px, py)), Some((qx, qy))) if (x1 + y1) - (qx + qy) > (px + py) - (x0 + y0) => split(qx, qy),
            (Some((px, py)), _) => split(px, py),
            (None, _) => split(x1, y1),
        }
    }
}

fn split(x: isize, y: isize) -> Split {
    Split { x: x as usize, y: y as usize }
}

/// Adds a diagonal on each side, or drops one where the rectangle ends.
fn widen(
    reach: &mut [isize],
    at: impl Fn(isize) -> usize,
    low: &mut isize,
    high: &mut isize,
    lowest: isize,
    highest: isize,
    unreached: isize,
) {
    if *low > lowest {
        *low -= 1;
        reach[at(*low - 1)] = unreached;
    } else {
        *low += 1;
    }
    if *high < highest {
        *high += 1;
        reach[at(*high + 1)] = unreached;
    } else {
        *high -= 1;
    }
}

/// Slides each run of changed lines over equal neighbours: up to merge it with
/// the run before it, then down as far as it goes, but not past the place
/// where it sits beside a run of the other file.
fn slide_runs(lines: &[u32], changed: &mut [bool], other: &[bool]) {
    let is_changed = |flags: &[bool], at: usize| flags.get(at).copied().unwrap_or(false);
    let (mut i, mut j) = (0, 0);
    loop {
        // `i` and `j` walk the unchanged lines of both files in step.
        while i < lines.len() && !changed[i] {
            while is_changed(other, j) {
                j += 1;
            }
            j += 1;
            i += 1;
        }
        if i == lines.len() {
            return;
        }
        let mut start = i;
        while is_changed(changed, i) {
            i += 1;
        }
        while is_changed(other, j) {
            j += 1;
        }
        let mut beside;
        loop {
            let length = i - start;
            while start > 0 && lines[start - 1] == lines[i - 1] {
                start -= 1;
                changed[start] = true;
                i -= 1;
                changed[i] = false;
                while start > 0 && changed[start - 1] {
                    start -= 1;
                }
                j = line_before(other, j);
            }
            beside = if j > 0 && other[j - 1] { i } else { lines.len() };
            while i < lines.len() && lines[start] == lines[i] {
                changed[start] = false;
                start += 1;
                changed[i] = true;
                i += 1;
                while is_changed(changed, i) {
                    i += 1;
                }
                j += 1;
                while is_changed(other, j) {
                    beside = i;
                    j += 1;
                }
            }
            if i - start == length {
                break;
            }
        }
        while beside < i {
            start -= 1;
            changed[start] = true;
            i -= 1;
            changed[i] = false;
            j = line_before(other, j);
        }
    }
}

/// The unchanged line before line `at`.
fn line_before(changed: &[bool], at: usize) -> usize {
    changed[..at].iter().rposition(|changed| !changed).unwrap_or(0)
}

fn collect(old: &[bool], new: &[bool]) -> Vec<Change> {
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (start_old, start_new) = (i, j);
        while i < old.len() && old[i] {
            i += 1;
        }
        while j < new.len() && new[j] {
            j += 1;
        }
        if (start_old, start_new) != (i, j) {
            changes.push(Change { old: start_old..i, new: start_new..j });
        } else {
            i += 1;
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of pseudo-random numbers, the same in every run.
    fn numbers(mut state: u64) -> impl FnMut(u32) -> u32 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u32 % below
        }
    }

    fn apply(old: &[u32], new: &[u32], changes: &[Change]) -> Vec<u32> {
        let (mut out, mut at) = (Vec::new(), 0);
        for change in changes {
            out.extend(&old[at..change.old.start]);
            out.extend(&new[change.new.clone()]);
            at = change.old.end;
        }
        out.extend(&old[at..]);
        out
    }

    #[test]
    fn changes_turn_the_old_into_the_new() {
        let mut next = numbers(7);
        for kinds in [1, 2, 3, 10, 100] {
            for _ in 0..200 {
                let mut lines = |most: u32| -> Vec<u32> {
                    let count = next(most);
                    (0..count).map(|_| next(kinds)).collect()
                };
                let (old, new) = (lines(40), lines(40));
                assert_eq!(apply(&old, &new, &changes(&old, &new)), new, "{old:?} {new:?}");
            }
        }
    }

    #[test]
    fn unrelated_files_are_given_up_on_in_time() {
        let mut next = numbers(1);
        let mut shuffled = |count: u32| {
            let mut lines: Vec<u32> = (0..count).collect();
            for at in (1..lines.len()).rev() {
                lines.swap(at, next(at as u32 + 1) as usize);
            }
            lines
        };
        let (old, new) = (shuffled(5000), shuffled(5000));
        assert_eq!(apply(&old, &new, &changes(&old, &new)), new);
    }
}
