//! Brace ranges longer than the engine expands.
//!
//! The engine leaves `{1..10001}` as it is, silently, although it expands far more when asked in pieces. So the range is
//! spelt in pieces, which mean the same to every bash: `{1..10000} 10001`, and as a part of a word `a{{1..10000},10001}b`.

use std::borrow::Cow;
use std::fmt::Write;

/// The longest range that the engine expands.
const MAX_RANGE: u64 = 10_000;
/// The longest range that is spelt in pieces. The engine refuses a longer one itself, with a message.
const MAX_WORDS: u64 = 1_000_000;
/// The same for a range that is a part of a word, of which the engine makes fewer words.
const MAX_WORDS_INSIDE: u64 = 50_000;

/// Spells long brace ranges outside of quotes, comments and here-documents in pieces.
pub(super) fn split_ranges(script: &str) -> Cow<'_, str> {
    // Nearly every script ends here.
    if !script.contains("..") {
        return Cow::Borrowed(script);
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut quote = None;
    let mut before = ' ';
    let mut chars = script.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\n' | '\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before.is_whitespace() || before == ';' => quote = Some('\n'),
            // What a here-document holds is text, and where it ends is not worth finding out.
            (None, '<') if script[at..].starts_with("<<") && !script[at..].starts_with("<<<") => break,
            // A value that is assigned is not expanded.
            (None, '{') if !matches!(before, '$' | '=') => {
                if let Some((len, pieces)) = pieces(&script[at..], before) {
                    out.push_str(&script[copied..at]);
                    out.push_str(&pieces);
                    copied = at + len;
                }
            }
            _ => {}
        }
        before = c;
    }
    if copied == 0 {
        return Cow::Borrowed(script);
    }
    out.push_str(&script[copied..]);
    Cow::Owned(out)
}

/// The length of the range that `text` starts with, and its pieces, if it is one that the engine does not expand.
fn pieces(text: &str, before: char) -> Option<(usize, String)> {
    let (range, rest) = text[1..].split_once('}')?;
    let mut parts = range.split("..");
    let (first, last, step) = (parts.next()?, parts.next()?, parts.next());
    // Leading zeros ask for padding, which the pieces would not all ask for alike.
    let number = |text: &str| {
        let padded = text.trim_start_matches('-').starts_with('0') && text != "0";
        if padded { None } else { text.parse::<i64>().ok() }
    };
    let (from, to) = (number(first)?, number(last)?);
    let step = step.map_or(Some(1), |step| step.parse::<i64>().ok())?.unsigned_abs().max(1);
    let words = (from.abs_diff(to) / step).checked_add(1)?;
    let alone =
        before.is_whitespace() && rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, ';' | ')'));
    let max = if alone { MAX_WORDS } else { MAX_WORDS_INSIDE };
    if parts.next().is_some() || words <= MAX_RANGE || words > max {
        return None;
    }
    let signed = i64::try_from(step).ok()?.checked_mul(if from <= to { 1 } else { -1 })?;
    let nth = |index: u64| i64::try_from(index).ok().and_then(|index| from.checked_add(index.checked_mul(signed)?));
    let mut out = String::from(if alone { "" } else { "{" });
    let mut start = 0;
    while start < words {
        if start > 0 {
            out.push(if alone { ' ' } else { ',' });
        }
        let end = (start + MAX_RANGE).min(words) - 1;
        let (a, b) = (nth(start)?, nth(end)?);
        // A range of one word is no range. Writing to a string cannot fail.
        let _ = if a == b { write!(out, "{a}") } else { write!(out, "{{{a}..{b}..{step}}}") };
        start = end + 1;
    }
    if !alone {
        out.push('}');
    }
    Some((range.len() + 2, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_long_ranges_in_pieces() {
        for (script, expected) in [
            ("echo {1..10001}", "echo {1..10000..1} 10001"),
            ("for i in {25000..0}; do", "for i in {25000..15001..1} {15000..5001..1} {5000..0..1}; do"),
            ("echo a{-1..20000..2}b", "echo a{{-1..19997..2},19999}b"),
            ("echo '' {1..10001} {1..3}", "echo '' {1..10000..1} 10001 {1..3}"),
            ("echo {1..10001}.txt", "echo {{1..10000..1},10001}.txt"),
        ] {
            assert_eq!(split_ranges(script), expected, "{script}");
        }
    }

    #[test]
    fn leaves_everything_else_alone() {
        for script in [
            "echo {1..10000}",
            "echo {1..1000001}",
            "echo a{1..50001}",
            "x={1..20000}",
            "echo {00001..20000}",
            "echo {a..z} {1..2..3..4} {1..} {..} {1..20000",
            "echo '{1..20000}' \"{1..20000}\" \\{1..20000} ${1..20000}",
            "true # {1..20000}",
            "cat <<E\n{1..20000}\nE",
            "echo {-9223372036854775808..9223372036854775807}",
        ] {
            assert!(matches!(split_ranges(script), Cow::Borrowed(_)), "{script}");
        }
    }
}
