//! The one error type of every public seam.
//!
//! Callers branch on [`ErrorKind`]; people and models read the text. `{}` prints operation, message and context; `{:#}`
//! prints the whole chain of sources after it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The program set something up wrongly: a definition, an option, a missing key.
    Config,
    /// An argument does not have the form that the operation takes.
    InvalidInput,
    /// Nothing exists under that name.
    NotFound,
    /// Something exists already under that name.
    AlreadyExists,
    /// A directory was needed and the path names something else.
    NotADirectory,
    /// A file was needed and the path names a directory.
    IsADirectory,
    /// The directory still has entries.
    DirectoryNotEmpty,
    /// The boundary, or the owner of the thing, refuses.
    PermissionDenied,
    /// The implementation cannot do this; nothing was changed.
    Unsupported,
    /// A named limit was reached.
    LimitExceeded,
    /// A deadline passed.
    Timeout,
    /// The caller cancelled.
    Cancelled,
    /// Another operation holds the session.
    SessionBusy,
    /// Somebody else wrote first.
    Conflict,
    /// The sandbox is gone or was closed.
    SandboxDied,
    /// The provider does not accept the credentials.
    Authentication,
    /// The provider asks for fewer requests.
    RateLimited,
    /// The account has no quota or credit left; waiting does not help.
    QuotaExhausted,
    /// The request is larger than the model's context window.
    ContextOverflow,
    /// The model or a filter declined to answer.
    Refused,
    /// The model gave up on the structured result that was asked for, or never handed one in.
    ResultUnavailable,
    /// The provider is overloaded, unreachable or failing.
    Unavailable,
    /// The other side broke its protocol: a truncated stream, malformed data.
    Protocol,
    /// An operating system or storage failure.
    Io,
    /// A defect in this software.
    Internal,
}

impl ErrorKind {
    /// The stable, snake-case name of this kind, for logs and machine-readable output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::NotADirectory => "not_a_directory",
            Self::IsADirectory => "is_a_directory",
            Self::DirectoryNotEmpty => "directory_not_empty",
            Self::PermissionDenied => "permission_denied",
            Self::Unsupported => "unsupported",
            Self::LimitExceeded => "limit_exceeded",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::SessionBusy => "session_busy",
            Self::Conflict => "conflict",
            Self::SandboxDied => "sandbox_died",
            Self::Authentication => "authentication",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::ContextOverflow => "context_overflow",
            Self::Refused => "refused",
            Self::ResultUnavailable => "result_unavailable",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Io => "io",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether trying the same thing again may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Retry {
    /// Trying again gives the same error.
    #[default]
    Never,
    /// Trying again may succeed, after a delay of the caller's choice.
    Backoff,
    /// Trying again may succeed, not before this long.
    After(Duration),
}

/// What failed, on what, why, and whether to try again.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    retry: Retry,
}

impl Error {
    /// Makes an error: `operation` is what was being done (`"read"`), `message` why it failed and what to do next.
    pub fn new(
        kind: ErrorKind,
        operation: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            operation: operation.into(),
            message: message.into(),
            context: Vec::new(),
            source: None,
            retry: Retry::Never,
        }))
    }

    /// The error of an operation that its caller cancelled.
    pub fn cancelled(operation: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Cancelled, operation, "cancelled by the caller")
    }

    /// The error of an operation that this implementation does not offer.
    pub fn unsupported(operation: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, operation, message)
    }

    /// Adds a fact: `("path", "/a")`. Never a secret.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says whether to try again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// Why it failed, without operation and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The facts, in the order in which they were added.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The fact called `key`.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.context().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether trying again may succeed.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Whether the caller cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{}: {}", inner.operation, inner.message)?;
        for (index, (key, value)) in inner.context.iter().enumerate() {
            f.write_str(if index == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if !inner.context.is_empty() {
            f.write_str(")")?;
        }
        if f.alternate() {
            let mut next = self.source();
            while let Some(source) = next {
                write!(f, ": {source}")?;
                next = source.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self:#}", self.0.kind)?;
        if self.0.retry != Retry::Never {
            write!(f, " [retry: {:?}]", self.0.retry)?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_has_operation_message_and_context_and_alternate_the_chain() {
        let error = Error::new(ErrorKind::Io, "write", "the disk is full")
            .with("path", "/a")
            .with("bytes", 3)
            .with_source(std::io::Error::other("no space left"));
        assert_eq!(error.to_string(), "write: the disk is full (path: /a, bytes: 3)");
        assert_eq!(format!("{error:#}"), "write: the disk is full (path: /a, bytes: 3): no space left");
        assert_eq!(error.fact("bytes"), Some("3"));
    }

    #[test]
    fn debug_names_the_kind_and_the_retry() {
        let error = Error::new(ErrorKind::Unavailable, "request", "overloaded")
            .with_retry(Retry::After(Duration::from_secs(2)));
        assert_eq!(format!("{error:?}"), "[unavailable] request: overloaded [retry: After(2s)]");
    }
}
