//! Errors on their way from the worker to the host.

use std::error::Error as _;
use std::fmt;

use flue_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// The most bytes of each text of an error that came from the worker.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The most facts and sources of such an error.
const MAX_PARTS: usize = 16;

/// The kinds that an operation of a sandbox fails with. One that is not here arrives as [`ErrorKind::Internal`].
const KINDS: [ErrorKind; 17] = [
    ErrorKind::Config,
    ErrorKind::InvalidInput,
    ErrorKind::NotFound,
    ErrorKind::AlreadyExists,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::PermissionDenied,
    ErrorKind::Unsupported,
    ErrorKind::LimitExceeded,
    ErrorKind::Timeout,
    ErrorKind::Cancelled,
    ErrorKind::Conflict,
    ErrorKind::SandboxDied,
    ErrorKind::Protocol,
    ErrorKind::Io,
    ErrorKind::Internal,
];

/// The names of facts, which an error wants to live as long as the program. One that is not here arrives as `fact`.
const FACTS: [&str; 18] = [
    "bytes",
    "commands",
    "concurrent_execs",
    "cwd",
    "entries",
    "file",
    "from",
    "levels",
    "limit",
    "name",
    "offset",
    "path",
    "pattern",
    "prefix",
    "root",
    "size",
    "to",
    "waiting",
];

/// An error as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireError {
    kind: String,
    operation: String,
    message: String,
    facts: Vec<(String, String)>,
    sources: Vec<String>,
}

impl WireError {
    pub(crate) fn new(error: &Error) -> Self {
        let mut sources = Vec::new();
        let mut next = error.source();
        while let Some(source) = next.filter(|_| sources.len() < MAX_PARTS) {
            sources.push(clip(source.to_string()));
            next = source.source();
        }
        let facts = error.context().take(MAX_PARTS).map(|(name, value)| (name.to_owned(), clip(value.to_owned())));
        Self {
            kind: error.kind().name().to_owned(),
            operation: clip(error.operation().to_owned()),
            message: clip(error.message().to_owned()),
            facts: facts.collect(),
            sources,
        }
    }

    /// The error it was. Nothing of it is believed beyond what it says.
    pub(crate) fn into_error(self) -> Error {
        let kind = KINDS.into_iter().find(|kind| kind.name() == self.kind).unwrap_or(ErrorKind::Internal);
        let mut error = Error::new(kind, clip(self.operation), clip(self.message));
        for (name, value) in self.facts.into_iter().take(MAX_PARTS) {
            let name = FACTS.into_iter().find(|known| *known == name).unwrap_or("fact");
            error = error.with(name, clip(value));
        }
        let sources = self.sources.into_iter().take(MAX_PARTS).rev();
        match sources.fold(None, |inner, text| Some(Source { text: clip(text), inner: inner.map(Box::new) })) {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

fn clip(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}

/// What caused an error, as far as its text goes.
#[derive(Debug)]
struct Source {
    text: String,
    inner: Option<Box<Self>>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Source {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_arrives_with_all_that_it_says() {
        let inner = Error::new(ErrorKind::Io, "inner", "deep").with_source(std::io::Error::other("deepest"));
        let error = Error::new(ErrorKind::NotFound, "read", "no such file").with("path", "/a").with_source(inner);
        let arrived = WireError::new(&error).into_error();
        assert_eq!(format!("{arrived:?}"), format!("{error:?}"));
    }

    #[test]
    fn what_is_made_up_is_cut_to_size() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let made_up = WireError {
            kind: "nonsense".to_owned(),
            operation: long.clone(),
            message: long.clone(),
            facts: vec![("made up".to_owned(), long.clone()); 1000],
            sources: vec![long; 1000],
        };
        let error = made_up.into_error();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(error.context().map(|(name, _)| name).collect::<Vec<_>>(), ["fact"; MAX_PARTS]);
        assert!(format!("{error:#}").len() <= (2 * MAX_PARTS + 3) * (MAX_TEXT_BYTES + 10));
    }
}
