//! Files by name.

use globset::{GlobBuilder, GlobMatcher};

use super::walk::Walk;
use crate::{Error, ErrorKind, FileSystem, Result, SandboxPath};

/// How many files a walk passes between two points where other tasks get their turn.
pub(super) const YIELD_EVERY: usize = 64;

/// Which files to find.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GlobQuery {
    /// A glob: `*` and `?` stay within a segment, `**` crosses segments, `[…]` and `{a,b}` choose. Without a `/` it is held
    /// against file names at any depth, with one against the path below [`GlobQuery::path`].
    pub pattern: String,
    /// The directory to look in.
    pub path: SandboxPath,
    /// The most paths to return.
    pub limit: usize,
}

impl GlobQuery {
    /// The files below `path` that match `pattern`, at most `limit` of them.
    pub fn new(pattern: impl Into<String>, path: SandboxPath, limit: usize) -> Self {
        Self { pattern: pattern.into(), path, limit }
    }
}

/// The files that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobHits {
    /// Their paths, sorted segment by segment.
    pub paths: Vec<SandboxPath>,
    /// How many there are in all, as far as the walk went.
    pub total: u64,
    /// Whether a bound of the walk kept it from seeing everything.
    pub incomplete: bool,
}

impl GlobHits {
    /// The paths of a search that found `total` files.
    pub fn new(paths: Vec<SandboxPath>, total: u64, incomplete: bool) -> Self {
        Self { paths, total, incomplete }
    }
}

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

/// Finds files over any file system. Links are not followed; hidden files are found like any other.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a malformed glob; those of [`FileSystem::list`] for the start.
pub async fn glob(fs: &dyn FileSystem, query: &GlobQuery) -> Result<GlobHits> {
    let base = &query.path;
    // An absolute pattern is meant from the root of the sandbox; below the base it is the same as a relative one.
    let pattern = match query.pattern.strip_prefix('/') {
        Some(_) => absolute_to_relative(&query.pattern, base)?,
        None => query.pattern.clone(),
    };
    let glob = PathGlob::new("glob", &pattern)?;
    let mut walk = Walk::new(fs, base).await?;
    let mut hits = GlobHits::default();
    let mut passed = 0_usize;
    while let Some(path) = walk.next().await? {
        passed += 1;
        if passed.is_multiple_of(YIELD_EVERY) {
            tokio::task::yield_now().await;
        }
        if glob.matches(&path, base) {
            hits.total += 1;
            if hits.paths.len() < query.limit {
                hits.paths.push(path);
            }
        }
    }
    hits.incomplete = walk.cut;
    Ok(hits)
}

fn absolute_to_relative(pattern: &str, base: &SandboxPath) -> Result<String> {
    let prefix = if base.is_root() { "/".to_owned() } else { format!("{base}/") };
    match pattern.strip_prefix(&prefix) {
        // Keeps a `/` in the pattern, so that it is still held against whole paths.
        Some(rest) if rest.contains('/') => Ok(rest.to_owned()),
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
