//! Files by name, with the meaning that `flue_core::search` gives to globs.

use flue_core::search::{GlobHits, GlobQuery};
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use globset::{GlobBuilder, GlobMatcher};

use super::walk::walk;
use super::{Going, Place, Stopped};

/// A glob held against file names or relative paths.
pub(super) struct PathGlob {
    matcher: GlobMatcher,
    whole_path: bool,
}

impl PathGlob {
    pub(super) fn new(operation: &'static str, pattern: &str) -> Result<Self> {
        let relative = pattern.strip_prefix("./").unwrap_or(pattern);
        let glob =
            GlobBuilder::new(relative).literal_separator(true).backslash_escape(true).build().map_err(|error| {
                Error::new(ErrorKind::InvalidInput, operation, format!("the glob is malformed: {}", error.kind()))
                    .with("pattern", pattern)
            })?;
        Ok(Self { matcher: glob.compile_matcher(), whole_path: pattern.contains('/') })
    }

    pub(super) fn matches(&self, path: &SandboxPath, base: &SandboxPath) -> bool {
        let text = if self.whole_path { path.strip_prefix(base) } else { path.file_name() };
        text.is_some_and(|text| self.matcher.is_match(text))
    }
}

pub(super) fn glob(place: &Place, query: &GlobQuery, going: &Going) -> Result<GlobHits, Stopped> {
    let glob = PathGlob::new("glob", &relative(&query.pattern, &query.path)?)?;
    let mut hits = GlobHits::default();
    hits.incomplete = walk(place, &query.path, going, &mut |file| {
        if glob.matches(&file.path, &query.path) {
            hits.total += 1;
            if hits.paths.len() < query.limit {
                hits.paths.push(file.path);
            }
        }
        Ok(())
    })?;
    Ok(hits)
}

/// An absolute pattern below the directory that is searched is the same as a relative one.
fn relative(pattern: &str, base: &SandboxPath) -> Result<String> {
    if !pattern.starts_with('/') {
        return Ok(pattern.to_owned());
    }
    let prefix = if base.is_root() { "/".to_owned() } else { format!("{base}/") };
    match pattern.strip_prefix(&prefix) {
        // Keeps a `/` in the pattern, so that it is still held against whole paths.
        Some(rest) => Ok(format!("./{rest}")),
        None => Err(Error::new(
            ErrorKind::InvalidInput,
            "glob",
            "an absolute pattern must lie below the directory that is searched; set `path`",
        )
        .with("pattern", pattern)
        .with("path", base)),
    }
}
