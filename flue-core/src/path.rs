//! Paths inside a sandbox: absolute, normalised POSIX text, whatever the host.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// The longest path a sandbox is asked about, in bytes (Linux's `PATH_MAX`).
pub const MAX_PATH_BYTES: usize = 4096;

/// An absolute, normalised path: begins with `/`, has no empty, `.` or `..` segment and no trailing `/`.
///
/// `..` at the root stays at the root, as POSIX has it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SandboxPath(Arc<str>);

impl SandboxPath {
    /// The root, `/`.
    pub fn root() -> Self {
        Self(Arc::from("/"))
    }

    /// Normalises `path`; a relative one counts from the root.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a NUL byte or more than [`MAX_PATH_BYTES`].
    pub fn new(path: impl AsRef<str>) -> Result<Self> {
        Self::root().join(path)
    }

    /// Resolves `path` against this directory; an absolute `path` replaces it.
    ///
    /// # Errors
    /// As [`SandboxPath::new`].
    pub fn join(&self, path: impl AsRef<str>) -> Result<Self> {
        let path = path.as_ref();
        if path.contains('\0') {
            return Err(Error::new(ErrorKind::InvalidInput, "resolve path", "a path cannot contain a NUL byte")
                .with("path", path.escape_debug()));
        }
        let mut segments: Vec<&str> = Vec::new();
        let base = if path.starts_with('/') { "" } else { &*self.0 };
        for segment in base.split('/').chain(path.split('/')) {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                name => segments.push(name),
            }
        }
        let mut text = String::with_capacity(base.len() + path.len() + 1);
        for segment in &segments {
            text.push('/');
            text.push_str(segment);
        }
        if text.is_empty() {
            text.push('/');
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(Error::new(ErrorKind::InvalidInput, "resolve path", "the path is too long")
                .with("bytes", text.len())
                .with("limit", MAX_PATH_BYTES));
        }
        Ok(Self(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    /// The last segment; `None` for the root.
    pub fn file_name(&self) -> Option<&str> {
        self.0.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(if end == 0 { Self::root() } else { Self(self.0[..end].into()) })
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// What is left of this path below `base`, without a leading `/`: `""` for `base` itself, `None` outside it.
    pub fn strip_prefix(&self, base: &Self) -> Option<&str> {
        if base.is_root() {
            return Some(&self.0[1..]);
        }
        let rest = self.0.strip_prefix(&*base.0)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    /// Whether this is `base` or lies beneath it.
    pub fn is_within(&self, base: &Self) -> bool {
        self.strip_prefix(base).is_some()
    }
}

impl fmt::Display for SandboxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SandboxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl AsRef<str> for SandboxPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SandboxPath {
    type Error = Error;

    fn try_from(path: String) -> Result<Self> {
        Self::new(path)
    }
}

impl From<SandboxPath> for String {
    fn from(path: SandboxPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SandboxPath {
        SandboxPath::new(text).unwrap()
    }

    #[test]
    fn normalises() {
        for (input, expected) in [
            ("", "/"),
            ("/", "/"),
            ("a", "/a"),
            ("/a/../b", "/b"),
            ("/../..", "/"),
            ("//a//./b/", "/a/b"),
            ("/a/b/../../..", "/"),
        ] {
            assert_eq!(path(input).as_str(), expected, "{input:?}");
        }
    }

    #[test]
    fn joins_relative_and_absolute() {
        let base = path("/w/sub");
        assert_eq!(base.join("x/y").unwrap().as_str(), "/w/sub/x/y");
        assert_eq!(base.join("../x").unwrap().as_str(), "/w/x");
        assert_eq!(base.join("/x").unwrap().as_str(), "/x");
        assert_eq!(base.join("").unwrap(), base);
    }

    #[test]
    fn parents_names_and_prefixes() {
        assert_eq!(path("/a/b").parent().unwrap().as_str(), "/a");
        assert_eq!(path("/a").parent().unwrap().as_str(), "/");
        assert!(path("/").parent().is_none());
        assert_eq!(path("/a/b").file_name(), Some("b"));
        assert_eq!(path("/").file_name(), None);
        assert_eq!(path("/a/b/c").strip_prefix(&path("/a")), Some("b/c"));
        assert_eq!(path("/ab").strip_prefix(&path("/a")), None);
        assert_eq!(path("/a").strip_prefix(&path("/")), Some("a"));
        assert_eq!(path("/a").strip_prefix(&path("/a")), Some(""));
    }

    #[test]
    fn refuses_nul_and_overlong() {
        assert_eq!(SandboxPath::new("/a\0b").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(SandboxPath::new("x".repeat(MAX_PATH_BYTES)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
