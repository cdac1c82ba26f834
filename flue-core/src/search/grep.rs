//! Files by content.

use regex::bytes::{Regex, RegexBuilder};

use super::glob::PathGlob;
use super::walk::Walk;
use crate::{Error, ErrorKind, FileSystem, Result, SandboxPath};

/// The most characters of a matching line that are returned.
pub const MAX_LINE_CHARS: usize = 500;
/// Files larger than this many bytes are passed over.
const MAX_FILE_BYTES: usize = 64 << 20;
/// How many bytes are searched between two points where other tasks get their turn.
const YIELD_EVERY_BYTES: usize = 1 << 20;
/// A NUL among so many first bytes makes a file binary, as `grep` and `rg` have it.
const BINARY_PROBE_BYTES: usize = 8 << 10;

/// Which lines to find.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GrepQuery {
    /// A regular expression in the syntax of the Rust `regex` crate (Perl-like, without look-around and back-references),
    /// held against each line.
    pub pattern: String,
    /// Take the pattern as plain text.
    pub literal: bool,
    /// Ignore case.
    pub ignore_case: bool,
    /// The directory or file to look in.
    pub path: SandboxPath,
    /// A glob that files must match, with the meaning of [`GlobQuery::pattern`](super::GlobQuery::pattern); a file that is
    /// named itself is searched whatever it says.
    pub include: Option<String>,
    /// The most lines to return.
    pub limit: usize,
}

impl GrepQuery {
    /// The lines below `path` that match `pattern`, at most `limit` of them.
    pub fn new(pattern: impl Into<String>, path: SandboxPath, limit: usize) -> Self {
        Self { pattern: pattern.into(), literal: false, ignore_case: false, path, include: None, limit }
    }

    /// Takes the pattern as plain text.
    #[must_use]
    pub fn literal(mut self, literal: bool) -> Self {
        self.literal = literal;
        self
    }

    /// Looks only into files that match this glob.
    #[must_use]
    pub fn with_include(mut self, include: Option<String>) -> Self {
        self.include = include;
        self
    }

    fn regex(&self) -> Result<Regex> {
        let pattern = if self.literal { regex::escape(&self.pattern) } else { self.pattern.clone() };
        RegexBuilder::new(&pattern).case_insensitive(self.ignore_case).build().map_err(|error| {
            Error::new(
                ErrorKind::InvalidInput,
                "grep",
                format!("the pattern is not a regular expression this search takes: {error}"),
            )
        })
    }
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrepMatch {
    /// The file.
    pub path: SandboxPath,
    /// The line's number, from 1.
    pub line: u64,
    /// The line without its end, at most [`MAX_LINE_CHARS`] of it; bytes that are not UTF-8 become `U+FFFD`.
    pub text: String,
    /// Whether the text was cut.
    pub cut: bool,
}

impl GrepMatch {
    /// A match in `path`; the text is cut to its bound.
    pub fn new(path: SandboxPath, line: u64, text: &str) -> Self {
        let mut chars = text.char_indices();
        let end = chars.nth(MAX_LINE_CHARS).map(|(end, _)| end);
        Self { path, line, text: text[..end.unwrap_or(text.len())].to_owned(), cut: end.is_some() }
    }
}

/// The lines that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrepHits {
    /// The first matches, by path and line.
    pub matches: Vec<GrepMatch>,
    /// How many there are in all, as far as the walk went.
    pub total: u64,
    /// Files passed over because they are binary or too large.
    pub skipped: u64,
    /// Whether a bound of the walk kept it from seeing everything.
    pub incomplete: bool,
}

impl GrepHits {
    /// The matches of a search that found `total` lines.
    pub fn new(matches: Vec<GrepMatch>, total: u64) -> Self {
        Self { matches, total, ..Self::default() }
    }
}

/// Finds lines over any file system. Links are not followed; hidden files are searched like any other.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a malformed pattern or glob; those of the file system for the start.
pub async fn grep(fs: &dyn FileSystem, query: &GrepQuery) -> Result<GrepHits> {
    let regex = query.regex()?;
    let mut hits = GrepHits::default();
    let mut searched = 0;
    let start = fs.metadata(&query.path).await?;
    if !start.is_dir() {
        // Reading a pipe or device could take for ever.
        if !start.is_file() {
            return Err(Error::new(ErrorKind::InvalidInput, "grep", "this is neither a file nor a directory")
                .with("path", &query.path));
        }
        search_file(fs, &regex, query, query.path.clone(), &mut hits, &mut searched).await?;
        return Ok(hits);
    }
    let include = query.include.as_deref().map(|glob| PathGlob::new("grep", glob, &query.path)).transpose()?;
    let mut walk = Walk::new(fs, &query.path).await?;
    while let Some(path) = walk.next().await? {
        if include.as_ref().is_none_or(|glob| glob.matches(&path)) {
            match search_file(fs, &regex, query, path, &mut hits, &mut searched).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                    hits.skipped += 1;
                }
                other => other?,
            }
        }
    }
    hits.incomplete = walk.cut;
    Ok(hits)
}

/// Searches one file; `searched` counts the bytes since others had their turn.
async fn search_file(
    fs: &dyn FileSystem,
    regex: &Regex,
    query: &GrepQuery,
    path: SandboxPath,
    hits: &mut GrepHits,
    searched: &mut usize,
) -> Result<()> {
    // Before it is read: a file may be larger than memory.
    if fs.metadata(&path).await?.len.is_some_and(|len| len > MAX_FILE_BYTES as u64) {
        hits.skipped += 1;
        return Ok(());
    }
    let data = fs.read(&path).await?;
    if data.len() > MAX_FILE_BYTES || data[..data.len().min(BINARY_PROBE_BYTES)].contains(&0) {
        hits.skipped += 1;
        return Ok(());
    }
    if data.is_empty() {
        return Ok(());
    }
    // A file's last newline ends its last line and begins none.
    let lines = data.strip_suffix(b"\n").unwrap_or(&data).split(|byte| *byte == b'\n');
    for (number, line) in (1..).zip(lines) {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if regex.is_match(text) {
            hits.total += 1;
            if hits.matches.len() < query.limit {
                hits.matches.push(GrepMatch::new(path.clone(), number, &String::from_utf8_lossy(text)));
            }
        }
        *searched += line.len() + 1;
        if *searched >= YIELD_EVERY_BYTES {
            *searched = 0;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
