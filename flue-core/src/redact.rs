//! Secrets that are known by their value, and what stands in their place.

use std::collections::BTreeSet;
use std::fmt;

use regex::Regex;

use crate::{Error, ErrorKind, Result};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// The shortest value that is taken for a secret, in bytes. Shorter ones would be found everywhere.
pub const MIN_SECRET_BYTES: usize = 6;
/// The most secrets.
const MAX_SECRETS: usize = 1000;
/// The longest secret, in bytes.
const MAX_SECRET_BYTES: usize = 16 << 10;
/// What the matcher of all of them may take of memory, in bytes.
const MAX_MATCHER_BYTES: usize = 256 << 20;

/// Takes secrets out of texts: those that are known by their value, as they are and as JSON, and JSON within
/// JSON, writes them.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that one that begins with another is taken out whole.
    secrets: Vec<String>,
    matcher: Option<Regex>,
}

impl Redactor {
    /// One that knows these secrets. Values shorter than [`MIN_SECRET_BYTES`] are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for more or longer secrets than can be looked for.
    pub fn new<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut all = BTreeSet::new();
        for secret in secrets {
            let secret = secret.as_ref().trim();
            if secret.len() >= MIN_SECRET_BYTES {
                let quoted = quoted(secret);
                // Arguments of tools are JSON within JSON.
                all.extend([self::quoted(&quoted), quoted, secret.to_owned()]);
            }
        }
        let too_much = |why: &'static str| Error::new(ErrorKind::Config, "redact secrets", why);
        if all.len() > MAX_SECRETS || all.iter().any(|secret| secret.len() > MAX_SECRET_BYTES) {
            return Err(too_much("there are too many secrets, or one is too long; name those that matter")
                .with("secrets_limit", MAX_SECRETS)
                .with("bytes_limit", MAX_SECRET_BYTES));
        }
        let mut secrets: Vec<String> = all.into_iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        if secrets.is_empty() {
            return Ok(Self::default());
        }
        let pattern = secrets.iter().map(|secret| regex::escape(secret)).collect::<Vec<_>>().join("|");
        // Its error would show the pattern.
        let matcher = regex::RegexBuilder::new(&pattern)
            .size_limit(MAX_MATCHER_BYTES)
            .build()
            .map_err(|_| too_much("the secrets are too long to be looked for"))?;
        Ok(Self { secrets, matcher: Some(matcher) })
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.matcher.is_none()
    }

    /// `text` without secrets; `None` when there are none in it.
    pub fn redacted(&self, text: &str) -> Option<String> {
        match self.matcher.as_ref()?.replace_all(text, REDACTED) {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(clean) => Some(clean),
        }
    }

    /// Takes the secrets out of `text`.
    pub fn redact_in_place(&self, text: &mut String) {
        if let Some(clean) = self.redacted(text) {
            *text = clean;
        }
    }

    /// How much of `text`, which goes on, can be told already: what follows may be the start of a secret.
    fn settled(&self, text: &str) -> usize {
        let Some(matcher) = &self.matcher else { return text.len() };
        let longest = self.secrets.first().map_or(0, String::len);
        let from = text.floor_char_boundary(text.len().saturating_sub(longest.saturating_sub(1)));
        let may_begin = |at: &usize| {
            let rest = &text[*at..];
            self.secrets.iter().any(|secret| secret.len() > rest.len() && secret.starts_with(rest))
        };
        let cut = (from..text.len()).filter(|at| text.is_char_boundary(*at)).find(may_begin).unwrap_or(text.len());
        // Not in the middle of a secret that is there already.
        matcher.find_iter(text).find(|found| found.start() < cut && found.end() > cut).map_or(cut, |found| found.end())
    }
}

/// A text as JSON has it between quotes.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap_or_default();
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default().to_owned()
}

impl fmt::Debug for Redactor {
    /// Only how many there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish()
    }
}

/// A text that comes in pieces, with what may be the start of a secret held back.
#[derive(Debug, Default)]
pub(crate) struct Pieces(String);

impl Pieces {
    /// What can be told now that `piece` has come; nothing when all is held back.
    pub(crate) fn push(&mut self, redactor: &Redactor, piece: &str) -> Option<String> {
        if redactor.is_empty() {
            return Some(piece.to_owned());
        }
        self.0.push_str(piece);
        let rest = self.0.split_off(redactor.settled(&self.0));
        let mut text = std::mem::replace(&mut self.0, rest);
        redactor.redact_in_place(&mut text);
        Some(text).filter(|text| !text.is_empty())
    }

    /// What was held back, at the end.
    pub(crate) fn finish(&mut self, redactor: &Redactor) -> Option<String> {
        let mut text = std::mem::take(&mut self.0);
        redactor.redact_in_place(&mut text);
        Some(text).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let redactor = Redactor::new(["hunter2hunter2", "short", "a\"b\\c-secret", "hunter2hunter2-long"]).unwrap();
        assert_eq!(
            redactor.redacted("x hunter2hunter2-long y hunter2hunter2 z").unwrap(),
            "x [redacted] y [redacted] z"
        );
        assert_eq!(redactor.redacted(r#"{"k":"a\"b\\c-secret"}"#).unwrap(), r#"{"k":"[redacted]"}"#);
        assert_eq!(redactor.redacted("short"), None, "too short to be a secret");
        assert!(!format!("{redactor:?}").contains("hunter2"));
        assert_eq!(Redactor::new(["x".repeat(MAX_SECRET_BYTES + 1)]).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn pieces_never_show_a_part_of_a_secret() {
        let secrets = ["abcabc", "abcabcd", "ééé-key", "bcabca"];
        let redactor = Redactor::new(secrets).unwrap();
        for whole in ["abcabc", "xabcabcdx", "abcabcabcabc", "zéé-key ééé-key", "abcab", "ababcabcab", "bcabcabcabca"]
        {
            let chars: Vec<char> = whole.chars().collect();
            for cuts in 0..1_u32 << (chars.len() - 1) {
                let (mut pieces, mut told, mut piece) = (Pieces::default(), String::new(), String::new());
                for (index, c) in chars.iter().enumerate() {
                    piece.push(*c);
                    if cuts >> index & 1 == 1 {
                        told.extend(pieces.push(&redactor, &std::mem::take(&mut piece)));
                    }
                }
                told.extend(pieces.push(&redactor, &piece));
                told.extend(pieces.finish(&redactor));
                assert!(secrets.iter().all(|secret| !told.contains(secret)), "{whole} {cuts:b} {told}");
                let plain = redactor.redacted(whole).unwrap_or_else(|| whole.to_owned());
                assert!(told == plain || told.matches(REDACTED).count() >= 1, "{whole} {cuts:b}: {told} {plain}");
            }
        }
    }
}
