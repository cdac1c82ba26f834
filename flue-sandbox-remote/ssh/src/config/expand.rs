//! What stands for something else in names: `~`, `${VARIABLE}` and `%` with a letter.

use std::path::PathBuf;

use flue_core::Result;

use super::{unsupported, wrong};
use crate::target::home_dir;

/// What the letters stand for.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// `%h`
    pub(super) host: &'a str,
    /// `%n`
    pub(super) original_host: &'a str,
    /// `%u`
    pub(super) local_user: &'a str,
    /// `%r`, where it is known by now.
    pub(super) user: Option<&'a str>,
    /// `%p`, likewise.
    pub(super) port: Option<u16>,
    /// `%k`, likewise.
    pub(super) alias: Option<&'a str>,
}

impl Names<'_> {
    /// The name of a host, which knows `%h` and `%%` only.
    pub(super) fn host_name(&self, text: &str, place: &str) -> Result<String> {
        letters(text, place, |letter| (letter == 'h').then(|| self.host.to_owned()))
    }

    /// The path of a file.
    pub(super) fn path(&self, text: &str, place: &str) -> Result<PathBuf> {
        let home = || home_dir().ok_or_else(|| wrong(place, "there is no home directory"));
        let text = letters(&variables(text, place)?, place, |letter| match letter {
            'h' => Some(self.host.to_owned()),
            'n' => Some(self.original_host.to_owned()),
            'u' => Some(self.local_user.to_owned()),
            'r' => self.user.map(str::to_owned),
            'p' => self.port.map(|port| port.to_string()),
            'k' => self.alias.map(str::to_owned),
            'd' => home_dir()?.to_str().map(str::to_owned),
            _ => None,
        })?;
        match text.strip_prefix('~') {
            None => Ok(text.into()),
            Some("") => home(),
            Some(rest) => match rest.strip_prefix('/') {
                Some(rest) => Ok(home()?.join(rest)),
                None => {
                    Err(unsupported(place, "another user's home directory is not looked up; write the path in full"))
                }
            },
        }
    }
}

/// Puts values for letters after `%`.
fn letters(text: &str, place: &str, value: impl Fn(char) -> Option<String>) -> Result<String> {
    let mut made = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('%')) => made.push('%'),
            ('%', letter) => match letter.and_then(&value) {
                Some(value) => made.push_str(&value),
                None => {
                    let letter = letter.map_or_else(String::new, String::from);
                    return Err(unsupported(
                        place,
                        format!("%{letter} is not known here; write out what it stands for"),
                    ));
                }
            },
            (c, _) => made.push(c),
        }
    }
    Ok(made)
}

/// Puts the values of variables of the environment.
fn variables(text: &str, place: &str) -> Result<String> {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| wrong(place, "a ${ is not closed"))?;
        let value = std::env::var(name).map_err(|_| wrong(place, format!("the variable {name} is not set")))?;
        made.push_str(before);
        made.push_str(&value);
        rest = after;
    }
    made.push_str(rest);
    Ok(made)
}
