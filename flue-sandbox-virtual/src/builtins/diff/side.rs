//! `diff -y`: both files side by side.

use super::compare::{Comparison, body};
use super::config::Config;

const TAB_WIDTH: usize = 8;
/// Least columns between the halves.
const GUTTER: usize = 3;

struct Layout {
    half: usize,
    right: usize,
    expand: bool,
}

/// Writes the two files in two columns.
pub(super) fn side_by_side(found: &Comparison<'_>, config: &Config, out: &mut Vec<u8>) {
    let tab = if config.expand_tabs { 1 } else { TAB_WIDTH };
    let width = config.width;
    let middle = width / 2 + (tab + GUTTER) / 2 + (width & (tab + GUTTER) & 1);
    let aligned = middle - middle % tab;
    let half = aligned.saturating_sub(GUTTER).min(width.saturating_sub(aligned));
    let layout = Layout { half, right: if half > 0 { aligned } else { width }, expand: config.expand_tabs };
    let (mut old, mut new) = (0, 0);
    let ends = [(found.old.len()..found.old.len(), found.new.len()..found.new.len())];
    let changes = found.changes.iter().map(|change| (change.old.clone(), change.new.clone())).chain(ends);
    for (old_run, new_run) in changes {
        while old < old_run.start && new < new_run.start {
            let (left, right) = (found.old[old], found.new[new]);
            (old, new) = (old + 1, new + 1);
            if config.suppress_common {
            } else if config.left_column {
                row(&layout, Some(left), b'(', None, out);
            } else {
                row(&layout, Some(left), b' ', Some(right), out);
            }
        }
        while old < old_run.end || new < new_run.end {
            let left = (old < old_run.end).then(|| found.old[old]);
            let right = (new < new_run.end).then(|| found.new[new]);
            let sign = match (left, right) {
                (Some(_), Some(_)) => b'|',
                (Some(_), None) => b'<',
                _ => b'>',
            };
            old += usize::from(left.is_some());
            new += usize::from(right.is_some());
            row(&layout, left, sign, right, out);
        }
    }
}

fn row(layout: &Layout, left: Option<&[u8]>, sign: u8, right: Option<&[u8]>, out: &mut Vec<u8>) {
    let complete = |line: Option<&[u8]>| line.is_some_and(|line| line.ends_with(b"\n"));
    let mut column = 0;
    if let Some(left) = left {
        column = half_line(layout, left, 0, out);
    }
    if sign != b' ' {
        let at = (layout.half + layout.right - 1) / 2;
        column = pad(layout, column, at, out) + 1;
        out.push(match (sign, complete(left), complete(right)) {
            (b'|', true, false) => b'/',
            (b'|', false, true) => b'\\',
            _ => sign,
        });
    }
    if let Some(right) = right
        && !body(right).is_empty()
    {
        column = pad(layout, column, layout.right, out);
        half_line(layout, right, column, out);
    }
    if complete(left) || complete(right) {
        out.push(b'\n');
    }
}

/// Writes as much of the line as fits; the column reached.
fn half_line(layout: &Layout, line: &[u8], start: usize, out: &mut Vec<u8>) -> usize {
    let mut used = 0;
    for c in String::from_utf8_lossy(body(line)).chars() {
        if c == '\t' {
            let next = used + TAB_WIDTH - used % TAB_WIDTH;
            if next > layout.half {
                break;
            }
            if layout.expand {
                out.resize(out.len() + next - used, b' ');
            } else {
                out.push(b'\t');
            }
            used = next;
        } else if used < layout.half {
            out.extend(c.to_string().bytes());
            used += 1;
        } else {
            break;
        }
    }
    start + used
}

fn pad(layout: &Layout, mut from: usize, to: usize, out: &mut Vec<u8>) -> usize {
    if !layout.expand {
        let mut stop = from + TAB_WIDTH - from % TAB_WIDTH;
        while stop <= to {
            out.push(b'\t');
            from = stop;
            stop += TAB_WIDTH;
        }
    }
    out.resize(out.len() + to.saturating_sub(from), b' ');
    from.max(to)
}
