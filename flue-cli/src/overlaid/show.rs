//! Changes as people read them: a line for each file, and the patch.

use std::io::{self, Write};

use flue_core::FileKind;
use flue_sandbox_local::{Change, ChangeKind, Changes};

use crate::host::shown;
use crate::output::tame;

/// Lines of a patch that are shown.
pub(super) const MAX_LINES: usize = 500;
/// Files that are listed.
const MAX_FILES: usize = 200;
/// The longest line that is shown, in characters.
const MAX_CHARS: usize = 2000;

/// How much was changed: `3 files, +12 -4`.
pub(super) fn summary(changes: &Changes) -> String {
    let files = changes.files().len();
    let mut text = match files {
        0 => "nothing was changed".to_owned(),
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let lines = changes.files().iter().filter_map(|change| change.lines);
    let (added, removed) =
        lines.fold((0_u64, 0_u64), |(added, removed), lines| (added + lines.added, removed + lines.removed));
    if added + removed > 0 {
        text.push_str(&format!(", +{added} -{removed}"));
    }
    if changes.ignored() > 0 {
        text.push_str(&format!(" (left out: {} in .git or ignored by git)", changes.ignored()));
    }
    text
}

/// Writes as much of the patch as is shown, and then the list, which is to be seen when the question comes.
pub(super) fn show(changes: &Changes, colours: bool, out: &mut impl Write) -> io::Result<()> {
    let ink = |code: &str, text: &str| if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let patch = String::from_utf8_lossy(changes.patch());
    // Names of contents are for programs.
    let mut lines = patch.lines().filter(|line| !line.starts_with("index "));
    writeln!(out)?;
    for line in lines.by_ref().take(MAX_LINES) {
        let text: String = tame(line).chars().take(MAX_CHARS).collect();
        writeln!(out, "{}", ink(line_ink(line), &text))?;
    }
    let more = lines.count();
    if more > 0 {
        writeln!(out, "... and {more} more lines")?;
    }
    if !changes.patch().is_empty() {
        writeln!(out)?;
    }
    for change in changes.files().iter().take(MAX_FILES) {
        let (letter, code) = letter(change);
        let line = format!("  {}  {}", ink(code, letter), described(change));
        writeln!(out, "{}", if change.conflict { format!("{line}  {}", ink("31", CHANGED_MEANWHILE)) } else { line })?;
    }
    let more = changes.files().len().saturating_sub(MAX_FILES);
    if more > 0 {
        writeln!(out, "  ... and {more} more")?;
    }
    writeln!(out, "{}", summary(changes))
}

/// Said of what applying is going to refuse.
const CHANGED_MEANWHILE: &str = "changed by somebody else meanwhile";

fn letter(change: &Change) -> (&'static str, &'static str) {
    match change.kind {
        ChangeKind::Added => ("A", "32"),
        ChangeKind::Deleted => ("D", "31"),
        ChangeKind::Renamed(_) => ("R", "36"),
        _ => ("M", "33"),
    }
}

fn described(change: &Change) -> String {
    let mut text = match &change.kind {
        ChangeKind::Renamed(from) => format!("{} -> {}", shown(from), shown(&change.path)),
        ChangeKind::ModeChanged(from, to) => format!("{}  permissions {from:o} -> {to:o}", shown(&change.path)),
        _ => shown(&change.path),
    };
    match change.file {
        FileKind::Directory => text.push('/'),
        FileKind::Symlink => text.push_str("  (link)"),
        FileKind::Other => text.push_str("  (pipe, socket or device: left out)"),
        _ => {}
    }
    match change.lines {
        Some(lines) if lines.added + lines.removed > 0 => {
            text.push_str(&format!("  +{} -{}", lines.added, lines.removed));
        }
        _ => {}
    }
    if !change.in_patch && change.file == FileKind::File {
        text.push_str("  (not in the patch)");
    }
    text
}

/// As git colours a patch.
fn line_ink(line: &str) -> &'static str {
    match line.as_bytes().first() {
        _ if ["+++", "---", "diff ", "index ", "new file", "deleted file", "rename ", "similarity "]
            .iter()
            .any(|head| line.starts_with(head)) =>
        {
            "1"
        }
        Some(b'+') => "32",
        Some(b'-') => "31",
        Some(b'@') => "36",
        _ => "0",
    }
}
