//! The file of hunks that did not fit.

use super::names::stripped;
use super::parse::{FilePatch, Hunk, Name, Sign};

/// The failed hunks as a unified diff.
pub(super) fn reject_file(patch: &FilePatch, hunks: &[Hunk], strip: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    for (sign, name) in [("---", &patch.old_name), ("+++", &patch.new_name)] {
        out.extend(format!("{sign} ").bytes());
        out.extend(name.as_ref().map_or_else(|| b"/dev/null".to_vec(), |name| raw(name, strip)));
        out.push(b'\n');
    }
    for hunk in hunks {
        let count = |other: Sign| hunk.lines.iter().filter(|(sign, _)| *sign != other).count();
        let old = range(hunk.old_start, count(Sign::Insert));
        let new = range(hunk.new_start, count(Sign::Delete));
        out.extend(format!("@@ -{old} +{new} @@").bytes());
        out.extend(&hunk.function);
        out.push(b'\n');
        for (sign, line) in &hunk.lines {
            out.push(match sign {
                Sign::Same => b' ',
                Sign::Delete => b'-',
                Sign::Insert => b'+',
            });
            out.extend(line);
            if !line.ends_with(b"\n") {
                out.push(b'\n');
            }
        }
    }
    out
}

/// The name as it was looked for, and what follows it.
fn raw(name: &Name, strip: Option<usize>) -> Vec<u8> {
    let shorter = if name.absent { None } else { strip.and_then(|_| stripped(&name.text, strip)) };
    match (shorter, name.raw.strip_prefix(name.text.as_bytes())) {
        (Some(shorter), Some(rest)) => [shorter.as_bytes(), rest].concat(),
        _ => name.raw.clone(),
    }
}

fn range(start: usize, count: usize) -> String {
    match count {
        0 => format!("{},0", start.saturating_sub(1)),
        1 => start.to_string(),
        _ => format!("{start},{count}"),
    }
}
