//! Files by name.

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

use super::walk::Walk;
use crate::{Error, ErrorKind, FileSystem, Result, SandboxPath};

/// The longest glob, in bytes.
pub const MAX_GLOB_BYTES: usize = 4096;
/// The most `{` of one glob. It bounds how deep braces nest, which is how deep the glob parser recurses.
const MAX_GLOB_BRACES: usize = 64;
/// The most memory that a compiled glob takes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// Which files to find.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GlobQuery {
    /// A glob: `*` and `?` stay within a segment, `**` crosses segments, `[…]` and `{a,b}` choose. Without a `/` it is held
    /// against file names at any depth, with one against the path below [`GlobQuery::path`]. With a leading `/` it counts
    /// from the root, and must lie below that path. At most [`MAX_GLOB_BYTES`].
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

/// A glob of a [`GlobQuery`], for sandboxes that search by themselves.
#[derive(Debug, Clone)]
pub struct PathGlob {
    regex: Regex,
    base: SandboxPath,
    whole_path: bool,
}

impl PathGlob {
    /// Reads a glob that is meant for what lies below `base`, for the sake of `operation`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a glob that is malformed, too large, or absolute and not below `base`.
    pub fn new(operation: &'static str, pattern: &str, base: &SandboxPath) -> Result<Self> {
        let refused = |why: String| Error::new(ErrorKind::InvalidInput, operation, why);
        if pattern.len() > MAX_GLOB_BYTES || pattern.matches('{').count() > MAX_GLOB_BRACES {
            return Err(refused(format!(
                "the glob is too large: at most {MAX_GLOB_BYTES} bytes and {MAX_GLOB_BRACES} braces; make it simpler"
            ))
            .with("bytes", pattern.len()));
        }
        let relative = if pattern.starts_with('/') {
            below(base, pattern).ok_or_else(|| {
                refused("an absolute glob must lie below the directory that is searched; set `path`".to_owned())
                    .with("pattern", pattern)
                    .with("path", base)
            })?
        } else {
            pattern.strip_prefix("./").unwrap_or(pattern)
        };
        let glob = GlobBuilder::new(relative).literal_separator(true).backslash_escape(true).build();
        let glob =
            glob.map_err(|error| refused(format!("the glob is malformed: {}", error.kind())).with("pattern", pattern))?;
        // Not by `compile_matcher`, which panics on what the regex engine does not take.
        let regex = RegexBuilder::new(glob.regex()).dot_matches_new_line(true).size_limit(MAX_COMPILED_BYTES).build();
        let regex = regex.map_err(|_| refused("the glob is too complex; make it simpler".to_owned()))?;
        Ok(Self { regex, base: base.clone(), whole_path: pattern.contains('/') })
    }

    /// Whether it names this file below the base.
    pub fn matches(&self, path: &SandboxPath) -> bool {
        let text = if self.whole_path { path.strip_prefix(&self.base) } else { path.file_name() };
        text.is_some_and(|text| self.regex.is_match(text.as_bytes()))
    }
}

/// Finds files over any file system. Links are not followed; hidden files are found like any other.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for a malformed or too large glob; those of [`FileSystem::list`] for the start.
pub async fn glob(fs: &dyn FileSystem, query: &GlobQuery) -> Result<GlobHits> {
    let base = &query.path;
    let glob = PathGlob::new("glob", &query.pattern, base)?;
    let mut walk = Walk::new(fs, base).await?;
    let mut hits = GlobHits::default();
    while let Some(path) = walk.next().await? {
        if glob.matches(&path) {
            hits.total += 1;
            if hits.paths.len() < query.limit {
                hits.paths.push(path);
            }
        }
    }
    hits.incomplete = walk.cut;
    Ok(hits)
}

/// What is left of an absolute glob below `base`.
fn below<'p>(base: &SandboxPath, pattern: &'p str) -> Option<&'p str> {
    let base = if base.is_root() { "" } else { base.as_str() };
    pattern.strip_prefix(base)?.strip_prefix('/')
}
