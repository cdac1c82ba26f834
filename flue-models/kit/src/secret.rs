//! Values that never show.

use std::fmt;
use std::sync::Arc;

use flue_core::Error;

/// The shortest text that is looked for, and blanked, in errors: shorter ones hide nothing and are found everywhere.
const SHORTEST_SECRET: usize = 6;

/// A credential. Debug shows `***`; it has no Display.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a credential, without the white space around it that files and shells leave.
    pub fn new(value: impl AsRef<str>) -> Self {
        Self(value.as_ref().trim().into())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The credential itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Secret {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `error` without any of `secrets`. One that has them loses its source, whose text cannot be changed.
pub(crate) fn without(error: Error, secrets: &[Secret]) -> Error {
    let text = format!("{error:#}");
    let leaked = |secret: &&Secret| secret.expose().len() >= SHORTEST_SECRET && text.contains(secret.expose());
    if !secrets.iter().any(|secret| leaked(&secret)) {
        return error;
    }
    let blank = |text: &str| {
        secrets.iter().filter(leaked).fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
    };
    let mut clean = Error::new(error.kind(), error.operation().to_owned(), blank(error.message()));
    for (name, value) in error.context() {
        clean = clean.with(name, blank(value));
    }
    clean.with_retry(error.retry())
}
