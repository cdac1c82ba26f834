//! Reads patches: unified, context and normal diffs, and git's headers.

use super::super::files::lines;

/// Context lines GNU patch takes as given when a patch ends too early.
const CHOPPED_LINES: usize = 3;

/// What a line of a hunk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Same,
    Delete,
    Insert,
}

/// One hunk: where it is meant to go and its lines, each with its newline.
#[derive(Clone, Debug)]
pub(super) struct Hunk {
    /// One-based first lines in the old and the new file.
    pub(super) old_start: usize,
    pub(super) new_start: usize,
    pub(super) lines: Vec<(Sign, Vec<u8>)>,
    /// What followed `@@ … @@`.
    pub(super) function: Vec<u8>,
}

/// The changes to one file.
#[derive(Clone, Debug, Default)]
pub(super) struct FilePatch {
    pub(super) old_name: Option<Name>,
    pub(super) new_name: Option<Name>,
    /// From `diff --git`: used where the other two are missing.
    pub(super) git_names: Option<(String, String)>,
    pub(super) rename_from: Option<String>,
    pub(super) rename_to: Option<String>,
    pub(super) copy: bool,
    pub(super) new_mode: Option<u32>,
    pub(super) hunks: Vec<Hunk>,
    /// The lines before the first hunk, and the line number that hunk is on.
    pub(super) leading: Vec<Vec<u8>>,
    pub(super) first_line: usize,
}

/// A name of a header line; `absent` if the file does not exist on that side.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) absent: bool,
    /// Name and time as given, for reject files.
    pub(super) raw: Vec<u8>,
}

/// Why a patch cannot be read.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) text: Vec<u8>,
}

/// Reads all patches in `input` up to the first that cannot be read.
pub(super) fn parse(input: &[u8]) -> (Vec<FilePatch>, Option<Malformed>) {
    let lines: Vec<&[u8]> = lines(input).collect();
    let mut reader = Reader { lines, at: 0 };
    let mut patches = Vec::new();
    loop {
        match reader.file_patch() {
            Ok(Some(patch)) => patches.push(patch),
            Ok(None) => return (patches, None),
            Err(malformed) => return (patches, Some(malformed)),
        }
    }
}

struct Reader<'a> {
    lines: Vec<&'a [u8]>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> &'a [u8] {
        self.lines.get(self.at + ahead).copied().unwrap_or_default()
    }

    fn malformed(&self, at: usize) -> Malformed {
        let text = self.lines.get(at).copied().unwrap_or(b" \n").to_vec();
        let line = (at + 1).min(self.lines.len());
        Malformed { line, text }
    }

    fn file_patch(&mut self) -> Result<Option<FilePatch>, Malformed> {
        let mut patch = FilePatch::default();
        let start = self.at;
        let mut git = false;
        while self.at < self.lines.len() {
            let line = self.peek(0);
            let text = String::from_utf8_lossy(line).trim_end().to_string();
            if git && text.starts_with("diff --git ") && patch.says_something() {
                return Ok(Some(patch));
            }
            if let Some(names) = text.strip_prefix("diff --git ") {
                git = true;
                patch = FilePatch { git_names: git_names(names), ..FilePatch::default() };
            } else if git {
                patch.git_header(&text);
            }
            if line.starts_with(b"--- ") && self.peek(1).starts_with(b"+++ ") {
                if is_unified_header(self.peek(2)) {
                    patch.old_name = Some(name(&line[4..]));
                    patch.new_name = Some(name(&self.peek(1)[4..]));
                    self.begin(&mut patch, start, 2);
                    return self.unified(patch).map(Some);
                }
            } else if is_unified_header(line) {
                self.begin(&mut patch, start, 0);
                return self.unified(patch).map(Some);
            } else if line.starts_with(b"*** ")
                && self.peek(1).starts_with(b"--- ")
                && self.peek(2).starts_with(b"***************")
            {
                patch.old_name = Some(name(&line[4..]));
                patch.new_name = Some(name(&self.peek(1)[4..]));
                self.begin(&mut patch, start, 2);
                return self.context(patch).map(Some);
            } else if normal_command(line).is_some() && matches!(self.peek(1).first(), Some(b'<' | b'>')) {
                self.begin(&mut patch, start, 0);
                return self.normal(patch).map(Some);
            }
            self.at += 1;
        }
        Ok((git && patch.says_something()).then_some(patch))
    }

    fn begin(&mut self, patch: &mut FilePatch, start: usize, header: usize) {
        self.at += header;
        patch.first_line = self.at + 1;
        patch.leading = self.lines[start..self.at].iter().map(|l| l.to_vec()).collect();
    }

    fn unified(&mut self, mut patch: FilePatch) -> Result<FilePatch, Malformed> {
        while let Some((old_start, mut old_left, new_start, mut new_left)) = unified_header(self.peek(0)) {
            let mut hunk = Hunk { old_start, new_start, lines: Vec::new(), function: function_text(self.peek(0)) };
            self.at += 1;
            while old_left > 0 || new_left > 0 {
                let chopped = self.at >= self.lines.len();
                if chopped && old_left.max(new_left) > CHOPPED_LINES {
                    return Err(self.malformed(self.at));
                }
                let line = if chopped { b" \n" } else { self.peek(0) };
                let (sign, text) = match line {
                    [b' ', text @ ..] => (Sign::Same, text),
                    [b'-', text @ ..] => (Sign::Delete, text),
                    [b'+', text @ ..] => (Sign::Insert, text),
                    // Mail programs drop the lone space of an empty line.
                    [b'\n' | b'\t', ..] => (Sign::Same, line),
                    [b'\\', ..] => {
                        self.no_newline(&mut hunk);
                        continue;
                    }
                    _ => return Err(self.malformed(self.at)),
                };
                let (old_used, new_used) = match sign {
                    Sign::Same => (1, 1),
                    Sign::Delete => (1, 0),
                    Sign::Insert => (0, 1),
                };
                let left = (old_left.checked_sub(old_used), new_left.checked_sub(new_used));
                let (Some(old), Some(new)) = left else {
                    return Err(self.malformed(self.at));
                };
                (old_left, new_left) = (old, new);
                hunk.lines.push((sign, text.to_vec()));
                self.at += 1;
            }
            if self.peek(0).starts_with(b"\\") {
                self.no_newline(&mut hunk);
            }
            patch.hunks.push(hunk);
        }
        Ok(patch)
    }

    /// `\ No newline at end of file` takes it from the line before.
    fn no_newline(&mut self, hunk: &mut Hunk) {
        if let Some((_, line)) = hunk.lines.last_mut()
            && line.ends_with(b"\n")
        {
            line.pop();
        }
        self.at += 1;
    }

    fn context(&mut self, mut patch: FilePatch) -> Result<FilePatch, Malformed> {
        while self.peek(0).starts_with(b"***************") {
            let function = self.peek(0)[15..].trim_ascii().to_vec();
            self.at += 1;
            let Some((old_start, old_count)) = context_range(self.peek(0), b"*** ") else {
                return Err(self.malformed(self.at));
            };
            self.at += 1;
            let old = self.context_block(old_count)?;
            let Some((new_start, new_count)) = context_range(self.peek(0), b"--- ") else {
                return Err(self.malformed(self.at));
            };
            self.at += 1;
            let new = self.context_block(new_count)?;
            patch.hunks.push(Hunk { old_start, new_start, lines: merge_blocks(old, new), function });
        }
        Ok(patch)
    }

    /// Up to `count` lines marked ` `, `-`, `+` or `!`; a block may be left out.
    fn context_block(&mut self, count: usize) -> Result<Vec<(Sign, Vec<u8>)>, Malformed> {
        let mut block: Vec<(Sign, Vec<u8>)> = Vec::new();
        while block.len() < count {
            let (sign, text) = match self.peek(0) {
                [b' ', b' ' | b'\t', text @ ..] => (Sign::Same, text),
                [b'-' | b'+' | b'!', b' ' | b'\t', text @ ..] => (Sign::Delete, text),
                line @ [b'\n', ..] => (Sign::Same, line),
                _ if block.is_empty() => break,
                _ => return Err(self.malformed(self.at)),
            };
            block.push((sign, text.to_vec()));
            self.at += 1;
        }
        if self.peek(0).starts_with(b"\\") {
            if let Some((_, line)) = block.last_mut()
                && line.ends_with(b"\n")
            {
                line.pop();
            }
            self.at += 1;
        }
        Ok(block)
    }

    fn normal(&mut self, mut patch: FilePatch) -> Result<FilePatch, Malformed> {
        while let Some(command) = normal_command(self.peek(0)) {
            self.at += 1;
            let mut hunk = Hunk {
                old_start: command.old_start,
                new_start: command.new_start,
                lines: Vec::new(),
                function: Vec::new(),
            };
            for _ in 0..command.deleted {
                self.normal_line(&mut hunk, b'<', Sign::Delete)?;
            }
            if command.deleted > 0 && command.inserted > 0 {
                if !self.peek(0).starts_with(b"---") {
                    return Err(self.malformed(self.at));
                }
                self.at += 1;
            }
            for _ in 0..command.inserted {
                self.normal_line(&mut hunk, b'>', Sign::Insert)?;
            }
            patch.hunks.push(hunk);
        }
        Ok(patch)
    }

    fn normal_line(&mut self, hunk: &mut Hunk, mark: u8, sign: Sign) -> Result<(), Malformed> {
        let text = match self.peek(0) {
            [first, b' ' | b'\t', text @ ..] if *first == mark => text,
            [first, text @ ..] if *first == mark => text,
            _ => return Err(self.malformed(self.at)),
        };
        hunk.lines.push((sign, text.to_vec()));
        self.at += 1;
        if self.peek(0).starts_with(b"\\") {
            self.no_newline(hunk);
        }
        Ok(())
    }
}

impl FilePatch {
    /// Whether a git header alone already asks for something.
    fn says_something(&self) -> bool {
        self.rename_to.is_some() || self.new_mode.is_some()
    }

    fn git_header(&mut self, line: &str) {
        let after = |prefix: &str| line.strip_prefix(prefix).map(str::to_string);
        if let Some(from) = after("rename from ") {
            self.rename_from = Some(from);
        } else if let Some(to) = after("rename to ") {
            self.rename_to = Some(to);
        } else if let Some(from) = after("copy from ") {
            self.rename_from = Some(from);
            self.copy = true;
        } else if let Some(to) = after("copy to ") {
            self.rename_to = Some(to);
        } else if let Some(mode) = after("new mode ").or_else(|| after("new file mode ")) {
            self.new_mode = u32::from_str_radix(&mode, 8).ok().map(|mode| mode & 0o777);
        }
    }
}

/// Interleaves the two halves of a context hunk.
fn merge_blocks(old: Vec<(Sign, Vec<u8>)>, new: Vec<(Sign, Vec<u8>)>) -> Vec<(Sign, Vec<u8>)> {
    let mut merged = Vec::new();
    if new.is_empty() {
        return old;
    }
    let inserted = |(sign, line): (Sign, Vec<u8>)| match sign {
        Sign::Same => (Sign::Same, line),
        _ => (Sign::Insert, line),
    };
    let mut new = new.into_iter().map(inserted).peekable();
    if old.is_empty() {
        return new.collect();
    }
    for (sign, line) in old {
        if sign == Sign::Same {
            while let Some(insert) = new.next_if(|(sign, _)| *sign == Sign::Insert) {
                merged.push(insert);
            }
            new.next_if(|(sign, _)| *sign == Sign::Same);
        }
        merged.push((sign, line));
    }
    merged.extend(new.filter(|(sign, _)| *sign == Sign::Insert));
    merged
}

fn is_unified_header(line: &[u8]) -> bool {
    unified_header(line).is_some()
}

/// `@@ -start,count +start,count @@`.
fn unified_header(line: &[u8]) -> Option<(usize, usize, usize, usize)> {
    let text = std::str::from_utf8(line.split(|&b| b == b'@').nth(2)?).ok()?;
    if !line.starts_with(b"@@ -") {
        return None;
    }
    let (old, new) = text.trim().split_once(' ')?;
    let range = |text: &str| -> Option<(usize, usize)> {
        match text.split_once(',') {
            Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
            None => Some((text.parse().ok()?, 1)),
        }
    };
    let (old_start, old_count) = range(old.strip_prefix('-')?)?;
    let (new_start, new_count) = range(new.trim().strip_prefix('+')?)?;
    // An empty range names the line before it.
    let first = |start: usize, count: usize| if count == 0 { start.saturating_add(1) } else { start };
    Some((first(old_start, old_count), old_count, first(new_start, new_count), new_count))
}

fn function_text(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).into_owned();
    text.splitn(3, "@@").nth(2).unwrap_or_default().trim_end().as_bytes().to_vec()
}

/// `*** 1,7 ****`: first line and how many.
fn context_range(line: &[u8], mark: &[u8]) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(line.strip_prefix(mark)?).ok()?;
    let text = text.trim_end().trim_end_matches(['*', '-']).trim_end();
    match text.split_once(',') {
        Some((first, last)) => {
            let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
            Some((first, (last + 1).checked_sub(first)?))
        }
        None => match text.parse().ok()? {
            0 => Some((1, 0)),
            only => Some((only, 1)),
        },
    }
}

struct NormalCommand {
    old_start: usize,
    new_start: usize,
    deleted: usize,
    inserted: usize,
}

/// `5,7c8,9`, `8d7`, `9a10`.
fn normal_command(line: &[u8]) -> Option<NormalCommand> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let at = text.find(['a', 'c', 'd'])?;
    let range = |text: &str| -> Option<(usize, usize)> {
        let (first, last) = text.split_once(',').unwrap_or((text, text));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        Some((first, last.checked_add(1)?.checked_sub(first)?))
    };
    let (old_start, old_count) = range(&text[..at])?;
    let (new_start, new_count) = range(&text[at + 1..])?;
    let command =
        |old_start, new_start, deleted, inserted| Some(NormalCommand { old_start, new_start, deleted, inserted });
    match &text[at..=at] {
        "a" => command(old_start.checked_add(1)?, new_start, 0, new_count),
        "d" => command(old_start, new_start.checked_add(1)?, old_count, 0),
        _ => command(old_start, new_start, old_count, new_count),
    }
}

/// A header's name, up to a tab or the first space before the time.
fn name(rest: &[u8]) -> Name {
    let raw = rest.trim_ascii_end().to_vec();
    let text = String::from_utf8_lossy(&raw).into_owned();
    let (name, stamp) = match text.split_once('\t') {
        Some((name, stamp)) => (name, stamp),
        None => text.split_once(' ').unwrap_or((&text, "")),
    };
    let epoch = stamp.starts_with("1970-01-01 ") || stamp.starts_with("1969-12-31 ");
    Name { text: name.trim_matches('"').to_string(), absent: name == "/dev/null" || epoch, raw }
}

/// The two names of `diff --git a/x b/x`.
fn git_names(text: &str) -> Option<(String, String)> {
    let half = text.len().checked_sub(1)? / 2;
    // Both names are usually the same behind `a/` and `b/`, spaces and all.
    let (old, new) = match (text.get(..half), text.get(half + 1..)) {
        (Some(old), Some(new)) if old.get(2..) == new.get(2..) => (old, new),
        _ => text.split_once(' ')?,
    };
    Some((old.to_string(), new.to_string()))
}
