//! `read`: a page of a text file.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::page::{MAX_CHARS, MAX_LINES};
use crate::tool::{Tool, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// A NUL among so many first bytes makes a file binary, as `grep` has it.
const BINARY_PROBE_BYTES: usize = 8 << 10;

/// The largest file that is read, in bytes; all of it is loaded to show a page.
const MAX_READ_BYTES: u64 = 32 << 20;

/// Reads a page of a text file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read;

/// Arguments of [`Read`].
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ReadArgs {
    /// The file, absolute or relative to the working directory.
    path: String,
    /// The line to start at, counted from 1.
    offset: Option<u64>,
    /// The most lines to read.
    limit: Option<u64>,
}

#[async_trait]
impl Tool for Read {
    type Args = ReadArgs;
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Read a text file. Shows at most 2000 lines or 50 KB at a time and says when there \
        is more; continue with offset.";

    async fn call(&self, args: ReadArgs, cx: ToolContext) -> Result<ToolOutput> {
        // What is not there is not named.
        let can_exec = cx.sandbox().info().capabilities.exec;
        let hint = |with_commands, without| if can_exec { with_commands } else { without };
        let fail = |kind, why: &'static str| Error::new(kind, "read", why).with("path", &args.path);
        if let Some(len) = super::file_len(&cx, &args.path).await
            && len > MAX_READ_BYTES
        {
            let why = hint(
                "the file is too large for this tool; look at a part of it with a command such as `head` or `sed -n`, or \
                 find lines with the grep tool",
                "the file is too large for this tool; find lines with the grep tool",
            );
            return Err(fail(ErrorKind::LimitExceeded, why).with("bytes", len).with("limit", MAX_READ_BYTES));
        }
        let data = cx.fs().read(&args.path).await.map_err(|error| match error.kind() {
            ErrorKind::IsADirectory => fail(
                ErrorKind::IsADirectory,
                hint(
                    "this is a directory; list it with the glob tool or `ls`",
                    "this is a directory; list it with the glob tool",
                ),
            ),
            _ => error,
        })?;
        if data[..data.len().min(BINARY_PROBE_BYTES)].contains(&0) {
            let why =
                hint("the file is binary; look at it with a command such as `xxd` or `file`", "the file is binary");
            return Err(fail(ErrorKind::InvalidInput, why).with("bytes", data.len()));
        }
        page(&String::from_utf8_lossy(&data), args.offset, args.limit, can_exec).map(ToolOutput::text)
    }
}

/// Lines `offset..offset + limit` of `text`, cut to the bounds of a result, with a note when more lines follow.
///
/// Lines are what `\n` separates, so a trailing newline begins one more, empty line.
fn page(text: &str, offset: Option<u64>, limit: Option<u64>, can_exec: bool) -> Result<String> {
    let total = text.split('\n').count();
    let first = usize::try_from(offset.unwrap_or(0).max(1) - 1).unwrap_or(usize::MAX);
    if first >= total {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "read",
            format!("Offset {} is beyond end of file ({total} lines total)", first.saturating_add(1)),
        ));
    }
    let wanted = match limit.unwrap_or(0) {
        0 => MAX_LINES,
        limit => usize::try_from(limit).unwrap_or(MAX_LINES).min(MAX_LINES),
    };
    let (mut shown, mut chars, mut lines) = (String::new(), 0, 0);
    for line in text.split('\n').skip(first).take(wanted) {
        let len = line.chars().count() + usize::from(lines > 0);
        if chars + len > MAX_CHARS {
            break;
        }
        if lines > 0 {
            shown.push('\n');
        }
        shown.push_str(line);
        chars += len;
        lines += 1;
    }
    let number = first + 1;
    if lines == 0 {
        let line = text.split('\n').nth(first).unwrap_or_default();
        let shown: String = line.chars().take(MAX_CHARS).collect();
        let command = if can_exec { ": use a command such as `cut -c`" } else { "" };
        let next =
            if number < total { format!(" Use offset={} for the next line.", number + 1) } else { String::new() };
        return Ok(format!(
            "{shown}\n\n[Line {number} of {total} is {} characters long; showing its first {MAX_CHARS}. The rest cannot be \
             read with this tool{command}.{next}]",
            line.chars().count()
        ));
    }
    let last = first + lines;
    if last < total {
        shown
            .push_str(&format!("\n\n[Showing lines {number}-{last} of {total}. Use offset={} to continue.]", last + 1));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_are_shown_as_they_are() {
        for text in ["", "a", "a\n", "a\nb\n\n"] {
            assert_eq!(page(text, None, None, true).unwrap(), text);
            assert_eq!(page(text, Some(0), Some(0), true).unwrap(), text);
        }
    }

    #[test]
    fn pages_say_where_they_go_on() {
        assert_eq!(
            page("a\nb\nc", Some(2), Some(1), true).unwrap(),
            "b\n\n[Showing lines 2-2 of 3. Use offset=3 to continue.]"
        );
        assert_eq!(page("a\nb\nc", Some(3), None, true).unwrap(), "c");
        let text = "x\n".repeat(MAX_LINES);
        let end = "\n\n[Showing lines 1-2000 of 2001. Use offset=2001 to continue.]";
        assert!(page(&text, None, None, true).unwrap().ends_with(end));
        assert!(page(&text, None, Some(u64::MAX), true).unwrap().ends_with(end));
        let error = page("a\n", Some(3), None, true).unwrap_err();
        assert!(error.message().contains("Offset 3 is beyond end of file (2 lines total)"));
        assert!(page("a", Some(u64::MAX), None, true).is_err());
    }

    #[test]
    fn a_huge_line_is_shown_in_part() {
        let text = format!("{}\nnext", "é".repeat(MAX_CHARS + 9));
        let shown = page(&text, None, None, true).unwrap();
        assert_eq!(shown.chars().filter(|c| *c == 'é').count(), MAX_CHARS);
        assert!(
            shown.contains("Line 1 of 2 is 51209 characters long") && shown.ends_with("offset=2 for the next line.]")
        );
        let last = "x".repeat(MAX_CHARS + 1);
        let shown = page(&last, None, None, false).unwrap();
        assert!(shown.ends_with("The rest cannot be read with this tool.]"), "{}", &shown[MAX_CHARS..]);
        let text = format!("short\n{}", "x".repeat(MAX_CHARS));
        assert_eq!(
            page(&text, None, None, true).unwrap(),
            "short\n\n[Showing lines 1-1 of 2. Use offset=2 to continue.]"
        );
    }
}
