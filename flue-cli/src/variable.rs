//! Environment variables that the user gives to commands: `--env KEY=VALUE`, or `--env KEY` for this machine's value.

use std::env::VarError;
use std::fmt;

use flue_core::{Error, ErrorKind, Result};

/// One `--env`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    key: String,
    /// What it is set to; what it is here when absent.
    value: Option<String>,
}

impl Variable {
    /// Reads the option's value.
    ///
    /// # Errors
    /// Says how it is written.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            return Err("write KEY=VALUE, or KEY to pass on the value that it has here".to_owned());
        }
        Ok(Self { key: key.to_owned(), value })
    }

    /// The name and the value, which may be a secret.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a variable that is to be passed on and is not set; [`ErrorKind::InvalidInput`] when its
    /// value is not UTF-8.
    pub(crate) fn resolve(&self) -> Result<(String, String)> {
        let value = match &self.value {
            Some(value) => value.clone(),
            None => std::env::var(&self.key).map_err(|error| {
                let (kind, why) = match error {
                    VarError::NotPresent => (ErrorKind::NotFound, "it is not set here; set it, or write KEY=VALUE"),
                    VarError::NotUnicode(_) => (ErrorKind::InvalidInput, "its value here is not UTF-8"),
                };
                Error::new(kind, "pass on a variable", why).with("key", self.key.escape_debug())
            })?,
        };
        Ok((self.key.clone(), value))
    }
}

impl fmt::Debug for Variable {
    /// The value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({:?})", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_given_or_passed_on_and_not_shown() {
        let variable = Variable::parse("A=x=y").unwrap();
        assert_eq!(variable.resolve().unwrap(), ("A".into(), "x=y".into()));
        assert!(!format!("{variable:?}").contains('x'));
        assert_eq!(Variable::parse("A=").unwrap().resolve().unwrap().1, "");
        assert!(Variable::parse("PATH").unwrap().resolve().is_ok_and(|(_, value)| !value.is_empty()));
        assert_eq!(Variable::parse("FLUE_NOT_SET").unwrap().resolve().unwrap_err().kind(), ErrorKind::NotFound);
        assert!(Variable::parse("").is_err() && Variable::parse("=x").is_err());
    }
}
