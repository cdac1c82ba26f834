//! The lines in which two texts differ, as unified hunks.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

/// Unchanged lines around a change, as `diff -u` and git have it.
const CONTEXT: u32 = 3;

/// Hunks, and how many lines they add and remove.
#[derive(Debug, Default)]
pub(super) struct Hunks {
    pub(super) text: Vec<u8>,
    pub(super) added: u64,
    pub(super) removed: u64,
}

/// What makes `before` into `after`.
pub(super) fn hunks(before: &[u8], after: &[u8]) -> Hunks {
    let lines = Lines::new(before, after);
    let mut hunks = Hunks::default();
    let mut together: Vec<imara_diff::Hunk> = Vec::new();
    for change in lines.diff.hunks() {
        hunks.added += u64::from(change.after.end - change.after.start);
        hunks.removed += u64::from(change.before.end - change.before.start);
        // Changes that are so close that their surroundings meet are shown in one.
        if together.last().is_some_and(|last| change.before.start - last.before.end > 2 * CONTEXT) {
            lines.show(&together, &mut hunks.text);
            together.clear();
        }
        together.push(change);
    }
    lines.show(&together, &mut hunks.text);
    hunks
}

/// How many bytes of `before` are in lines that `after` still has.
pub(in super::super) fn kept_bytes(before: &[u8], after: &[u8]) -> usize {
    let lines = Lines::new(before, after);
    let removed = lines.diff.hunks().flat_map(|change| change.before);
    let removed: usize = removed.map(|line| lines.before(line).len()).sum();
    before.len() - removed
}

struct Lines<'a> {
    input: InternedInput<&'a [u8]>,
    diff: Diff,
}

impl<'a> Lines<'a> {
    fn new(before: &'a [u8], after: &'a [u8]) -> Self {
        // Line by line, without room made in advance: the library guesses it from the first lines.
        let mut input = InternedInput::default();
        input.update_before(byte_lines(before));
        input.update_after(byte_lines(after));
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        Self { input, diff }
    }

    fn before(&self, line: u32) -> &'a [u8] {
        self.input.interner[self.input.before[line as usize]]
    }

    fn after(&self, line: u32) -> &'a [u8] {
        self.input.interner[self.input.after[line as usize]]
    }

    /// Writes one hunk of several changes.
    fn show(&self, changes: &[imara_diff::Hunk], text: &mut Vec<u8>) {
        let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return };
        // As many lines before the first change and after the last one as there are; they are the same on both sides.
        let lead = CONTEXT.min(first.before.start);
        let trail = CONTEXT.min(self.input.before.len() as u32 - last.before.end);
        let before = first.before.start - lead..last.before.end + trail;
        let after = first.after.start - lead..last.after.end + trail;
        text.extend_from_slice(format!("@@ -{} +{} @@\n", range(&before), range(&after)).as_bytes());
        let mut at = before.start;
        for change in changes {
            (at..change.before.start).for_each(|line| put(text, b' ', self.before(line)));
            change.before.clone().for_each(|line| put(text, b'-', self.before(line)));
            change.after.clone().for_each(|line| put(text, b'+', self.after(line)));
            at = change.before.end;
        }
        (at..before.end).for_each(|line| put(text, b' ', self.before(line)));
    }
}

/// `first,count`, as hunk headers have it: of no lines, the one before them is named.
fn range(lines: &Range<u32>) -> String {
    match lines.end - lines.start {
        0 => format!("{},0", lines.start),
        1 => (lines.start + 1).to_string(),
        count => format!("{},{count}", lines.start + 1),
    }
}

fn put(text: &mut Vec<u8>, sign: u8, line: &[u8]) {
    text.push(sign);
    text.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        text.extend_from_slice(b"\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> String {
        String::from_utf8(hunks(before.as_bytes(), after.as_bytes()).text).unwrap()
    }

    #[test]
    fn hunks_have_three_lines_around_and_join_when_they_meet() {
        let lines = |count: usize| (1..=count).map(|line| format!("{line}\n")).collect::<String>();
        let before = lines(20);
        let after = before.replace("4\n5\n", "4\nnew\n5\n").replace("19\n", "nineteen\n");
        assert_eq!(
            shown(&before, &after),
            "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+new\n 5\n 6\n 7\n@@ -16,5 +17,5 @@\n 16\n 17\n 18\n-19\n+nineteen\n 20\n"
        );
        let count = |second: &str| {
            let after = before.replace("\n3\n", "\nthree\n").replace(&format!("\n{second}\n"), "\nother\n");
            shown(&before, &after).matches("@@ -").count()
        };
        assert_eq!((count("10"), count("11")), (1, 2));
    }

    #[test]
    fn ends_of_files_and_empty_files_have_their_forms() {
        assert_eq!(shown("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
        assert_eq!(shown("a\nb\n", ""), "@@ -1,2 +0,0 @@\n-a\n-b\n");
        assert_eq!(shown("a", "a\n"), "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
        assert_eq!(shown("a\n", "a\n"), "");
        assert_eq!(kept_bytes(b"a\nbb\nc\n", b"bb\nc\nd\n"), 5);
    }
}
