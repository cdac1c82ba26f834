//! What commands see of the host's environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;

use flue_core::{Bounds, Error, ErrorKind, Result};

/// The variables that are taken over from the host, where it has them: who and where one is, never a credential.
const INHERITED: [&str; 14] = [
    "PATH", "HOME", "USER", "LOGNAME", "HOSTNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "TMPDIR",
    "TMP", "TEMP",
];

/// The variable that marks the processes of a command; see [`crate::shell`]. A program that is itself run by a command
/// hands on the mark that it was given.
pub(crate) const MARK: &str = "FLUE_EXEC_ID";

/// A snapshot of a few variables of the host, and what was laid over it.
#[derive(Clone)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// Those of them that the caller named, to set them or to take them away.
    named: BTreeSet<OsString>,
    /// The host's search path, which finds the shell whatever commands are given as theirs.
    host_path: OsString,
}

impl Environment {
    /// Takes the snapshot. The host is looked at again only by [`Environment::expose`].
    pub(crate) fn snapshot() -> Self {
        let keys = INHERITED.iter().chain([&MARK]);
        let inherited = keys.filter_map(|key| Some((OsString::from(key), std::env::var_os(key)?)));
        let host_path = std::env::var_os("PATH").unwrap_or_default();
        Self { variables: inherited.collect(), named: BTreeSet::new(), host_path }
    }

    pub(crate) fn set(&mut self, key: impl Into<OsString>, value: impl Into<OsString>) {
        let key = key.into();
        self.named.insert(key.clone());
        self.variables.insert(key, value.into());
    }

    /// Sets a variable of which the caller said nothing.
    pub(crate) fn set_default(&mut self, key: &OsStr, value: &OsStr) {
        if !self.named.contains(key) {
            self.variables.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Takes over one more variable, as the host has it now.
    pub(crate) fn expose(&mut self, key: OsString) {
        if let Some(value) = std::env::var_os(&key) {
            self.set(key, value);
        }
    }

    pub(crate) fn unset(&mut self, key: &OsStr) {
        self.named.insert(key.to_owned());
        self.variables.remove(key);
    }

    /// Takes away what `bounds` do not show.
    pub(crate) fn keep(&mut self, bounds: &Bounds) {
        self.variables.retain(|key, _| key == MARK || key.to_str().is_some_and(|key| bounds.shows(key)));
    }

    pub(crate) fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.variables
    }

    pub(crate) fn host_path(&self) -> &OsStr {
        &self.host_path
    }

    /// Refuses names and values that no process can be given.
    pub(crate) fn check(&self) -> Result<()> {
        check(ErrorKind::Config, "open", self.variables.iter().map(|(key, value)| (&**key, &**value)))
    }
}

/// Refuses what cannot be in an environment. Says the name, never the value.
pub(crate) fn check<'a>(
    kind: ErrorKind,
    operation: &'static str,
    variables: impl Iterator<Item = (&'a OsStr, &'a OsStr)>,
) -> Result<()> {
    for (key, value) in variables {
        let name = key.as_encoded_bytes();
        let problem = if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            "an environment variable cannot have this name"
        } else if value.as_encoded_bytes().contains(&0) {
            "the value of an environment variable cannot contain a NUL byte"
        } else {
            continue;
        };
        return Err(Error::new(kind, operation, problem).with("name", key.to_string_lossy().escape_debug()));
    }
    Ok(())
}

impl fmt::Debug for Environment {
    /// Values may be secrets: only names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
