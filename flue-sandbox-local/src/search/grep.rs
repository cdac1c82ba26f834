//! Files by content.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::fd::AsFd as _;

use flue_core::search::{GrepHits, GrepMatch, GrepQuery, PathGlob};
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkMatch};
use rustix::io::Errno;

use super::walk::walk;
use super::{Going, Place, Stopped};
use crate::files::{Parents, Refusal, open_regular};

/// Files larger than this many bytes are passed over.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most memory that a compiled pattern takes, as the `regex` crate has it.
const MAX_COMPILED_BYTES: usize = 10 << 20;
/// A NUL among so many first bytes makes a file binary, as `grep` and `rg` have it.
const BINARY_PROBE_BYTES: u64 = 8 << 10;

pub(super) fn grep(place: &Place, query: &GrepQuery, going: &Going) -> Result<GrepHits, Stopped> {
    let include = query.include.as_deref().map(|glob| PathGlob::new("grep", glob, &query.path)).transpose()?;
    let mut search = Grep::new(query, going)?;
    let start =
        place.root.settle(&query.path, Parents::Require, |spot| match open_regular(spot.dir.as_fd(), spot.name()) {
            Err(Refusal::Os(Errno::ISDIR)) => Ok(None),
            opened => opened.map(Some),
        })?;
    if let Some((file, len)) = start {
        search.file(query.path.clone(), file, len)?;
        return Ok(search.hits);
    }
    let incomplete = walk(place, &query.path, going, &mut |found| {
        if include.as_ref().is_some_and(|glob| !glob.matches(&found.path)) {
            return Ok(());
        }
        match open_regular(found.dir, found.name) {
            Ok((file, len)) => search.file(found.path, file, len),
            // Gone, closed to the user, or something else by now.
            Err(_) => {
                search.hits.skipped += 1;
                Ok(())
            }
        }
    })?;
    search.hits.incomplete = incomplete;
    Ok(search.hits)
}

/// A search in progress.
struct Grep<'a> {
    matcher: RegexMatcher,
    searcher: Searcher,
    limit: usize,
    going: &'a Going,
    hits: GrepHits,
}

impl<'a> Grep<'a> {
    fn new(query: &GrepQuery, going: &'a Going) -> Result<Self> {
        let (matcher, ends) = matcher(query)?;
        let mut searcher = SearcherBuilder::new();
        searcher.line_number(true).line_terminator(ends).binary_detection(BinaryDetection::quit(0));
        Ok(Self { matcher, searcher: searcher.build(), limit: query.limit, going, hits: GrepHits::default() })
    }

    fn file(&mut self, path: SandboxPath, mut file: File, len: u64) -> Result<(), Stopped> {
        if len > MAX_FILE_BYTES || is_binary(&mut file).unwrap_or(true) {
            self.hits.skipped += 1;
            return Ok(());
        }
        let mut lines = Lines { path, limit: self.limit, going: self.going, hits: &mut self.hits };
        if self.searcher.search_file(&self.matcher, &file, &mut lines).is_err() {
            self.hits.skipped += 1;
        }
        if self.going.on() { Ok(()) } else { Err(Stopped::Left) }
    }
}

/// The expression, and how lines end for it: with a carriage return or without. A pattern that names the line end itself is
/// held against each line by its own.
fn matcher(query: &GrepQuery) -> Result<(RegexMatcher, LineTerminator)> {
    let builder = || {
        let mut builder = RegexMatcherBuilder::new();
        builder
            .case_insensitive(query.ignore_case)
            .fixed_strings(query.literal)
            .multi_line(true)
            .size_limit(MAX_COMPILED_BYTES);
        builder
    };
    let fast = builder().crlf(true).build(&query.pattern).map(|matcher| (matcher, LineTerminator::crlf()));
    let matcher = fast.or_else(|_| Ok((builder().build(&query.pattern)?, LineTerminator::byte(b'\n'))));
    matcher.map_err(|error: grep_regex::Error| {
        Error::new(
            ErrorKind::InvalidInput,
            "grep",
            format!("the pattern is not a regular expression this search takes: {error}"),
        )
    })
}

fn is_binary(file: &mut File) -> std::io::Result<bool> {
    let mut start = Vec::new();
    file.by_ref().take(BINARY_PROBE_BYTES).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(start.contains(&0))
}

/// The matching lines of one file.
struct Lines<'a> {
    path: SandboxPath,
    limit: usize,
    going: &'a Going,
    hits: &'a mut GrepHits,
}

impl Sink for Lines<'_> {
    type Error = std::io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, Self::Error> {
        self.hits.total += 1;
        if self.hits.matches.len() < self.limit {
            let line = found.bytes();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let number = found.line_number().unwrap_or_default();
            self.hits.matches.push(GrepMatch::new(self.path.clone(), number, &String::from_utf8_lossy(line)));
        }
        Ok(self.going.on())
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> Result<bool, Self::Error> {
        // What comes after it is not searched.
        self.hits.skipped += 1;
        Ok(false)
    }
}
