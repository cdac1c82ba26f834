//! How a store is named: `jsonl:DIR`, `sqlite:FILE`, `postgres://…`, `memory`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use flue_core::Result;

use super::state_dir;
use crate::host::shown;

/// The directory of locks in a directory of JSON lines. No session's file has a name like this.
const LOCKS: &str = ".locks";
/// What the name of a database is followed by in that of its locks.
const LOCKS_ENDING: &str = ".locks";

/// Names a store. Shows no password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// For as long as the process lives.
    Memory,
    /// JSON lines in this directory.
    Jsonl(PathBuf),
    /// A SQLite database in this file.
    Sqlite(PathBuf),
    /// A PostgreSQL database; the address may have a password.
    Postgres(String),
}

impl StoreUrl {
    /// Where locks of its sessions are kept, if somebody else can come to them at all.
    ///
    /// # Errors
    /// Those of [`state_dir`].
    pub(super) fn locks(&self) -> Result<Option<PathBuf>> {
        Ok(match self {
            Self::Memory => None,
            Self::Jsonl(dir) => Some(dir.join(LOCKS)),
            Self::Sqlite(file) => {
                let mut name = file.clone().into_os_string();
                name.push(LOCKS_ENDING);
                Some(name.into())
            }
            // Other machines are told by the store, when they write.
            Self::Postgres(_) => Some(state_dir()?.join("locks")),
        })
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |path: &str| match path {
            "" => Err(format!("`{text}` does not say where; write it as in jsonl:DIR or sqlite:FILE")),
            path => Ok(PathBuf::from(path)),
        };
        match text.split_once(':') {
            None if text == "memory" => Ok(Self::Memory),
            Some(("jsonl", rest)) => path(rest).map(Self::Jsonl),
            Some(("sqlite", rest)) => path(rest).map(Self::Sqlite),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            // What was given may have a password, and is not repeated.
            _ => Err("there is no such store (there are jsonl:DIR, sqlite:FILE, postgres://..., memory)".to_owned()),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Jsonl(dir) => write!(f, "jsonl:{}", shown(dir)),
            Self::Sqlite(file) => write!(f, "sqlite:{}", shown(file)),
            Self::Postgres(address) => {
                // What comes before the host is user and password, and what comes after the path may be one.
                let place = address.split_once("//").map_or("", |(_, place)| place);
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(f, "postgres://{}", place.rsplit_once('@').map_or(place, |(_, host)| host))
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_named_and_passwords_are_not_shown() {
        for (text, shown) in [
            ("memory", "memory"),
            ("jsonl:a b", "jsonl:a b"),
            ("sqlite:/x/y.db", "sqlite:/x/y.db"),
            ("postgres://me:pass@word@host:5432/db?password=secret", "postgres://host:5432/db"),
            ("postgresql:///db", "postgres:///db"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "jsonl", "jsonl:", "sqlite:", "redis://x", "postgres:x", "memory:x", "/x:y"] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
        assert!(!"mysql://me:secret@h".parse::<StoreUrl>().unwrap_err().contains("secret"));
    }
}
