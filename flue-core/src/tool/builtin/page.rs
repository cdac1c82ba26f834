//! How much of a text a model is shown at once, and the notes that say what is missing.

/// The most lines of one tool result.
pub(super) const MAX_LINES: usize = 2000;
/// The most characters of one tool result.
pub(super) const MAX_CHARS: usize = 51_200;

/// The end of a text: its last [`MAX_LINES`] lines, then its last [`MAX_CHARS`] characters, with a note where something was
/// left out.
pub(super) fn tail(text: &str) -> String {
    let lines = text.split('\n').count();
    let mut start = 0;
    if lines > MAX_LINES {
        start = text.match_indices('\n').nth(lines - MAX_LINES - 1).map_or(0, |(at, _)| at + 1);
    }
    let mut kept = &text[start..];
    let mut within_line = false;
    if let Some((at, _)) = kept.char_indices().rev().nth(MAX_CHARS - 1).filter(|(at, _)| *at > 0) {
        within_line = !kept[..at].ends_with('\n');
        kept = &kept[at..];
    }
    if kept.len() == text.len() {
        return text.to_owned();
    }
    let shown = kept.split('\n').count();
    let part = if within_line { ", the first of them in part" } else { "" };
    format!(
        "[Output cut: showing the last {shown} of {lines} lines{part}. Redirect to a file and read that for the rest.]\n{kept}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_whole() {
        for text in ["", "a", "a\nb\n", &"x".repeat(MAX_CHARS), &"é".repeat(MAX_CHARS), &"\n".repeat(MAX_LINES - 1)] {
            assert_eq!(tail(text), text);
        }
    }

    #[test]
    fn long_text_keeps_its_end_and_says_so() {
        let lines: Vec<String> = (1..=MAX_LINES + 5).map(|n| n.to_string()).collect();
        let cut = tail(&lines.join("\n"));
        assert!(cut.starts_with("[Output cut: showing the last 2000 of 2005 lines."), "{}", &cut[..90]);
        assert!(cut.contains("]\n6\n7\n") && cut.ends_with("\n2005"));

        let cut = tail(&"é".repeat(MAX_CHARS + 1));
        assert!(cut.starts_with("[Output cut: showing the last 1 of 1 lines, the first of them in part."));
        assert_eq!(cut.chars().filter(|c| *c == 'é').count(), MAX_CHARS);
    }
}
