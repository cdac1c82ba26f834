//! Tool call ids in the form that each provider takes.

use std::borrow::Cow;

/// What a provider's tool call ids look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdRule {
    /// The fewest characters.
    pub min: usize,
    /// The most characters.
    pub max: usize,
    /// Whether `_` and `-` are allowed beside letters and digits.
    pub punctuation: bool,
}

/// Characters of a hash in an id: 62^11 is just above 2^64.
const HASH_CHARS: usize = 11;

impl IdRule {
    /// `id` as the provider takes it: itself where it fits, else a name made of it.
    ///
    /// The same id always gives the same name, so that a call and its result stay together and a message's encoding
    /// depends on the message alone. Names carry a hash of the whole id, so that ids which differ only in what was cut
    /// or replaced stay apart.
    pub fn apply<'a>(&self, id: &'a str) -> Cow<'a, str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || (self.punctuation && matches!(c, '_' | '-'));
        if (self.min..=self.max).contains(&id.len()) && !id.is_empty() && id.chars().all(allowed) {
            return Cow::Borrowed(id);
        }
        let hash = base62(fnv1a(id.as_bytes()));
        let room = self.max.saturating_sub(HASH_CHARS + 1);
        if !self.punctuation || room < self.min.max(1) {
            return Cow::Owned(hash.chars().take(self.max).collect());
        }
        let mut name: String = id.chars().take(room).map(|c| if allowed(c) { c } else { '_' }).collect();
        name.push('_');
        name.push_str(&hash);
        Cow::Owned(name)
    }
}

/// FNV-1a, 64 bit: unlike the standard library's hasher, the same in every build.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Always [`HASH_CHARS`] characters, least significant first, so that a short cut keeps the bits that differ most.
fn base62(mut value: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(HASH_CHARS);
    for _ in 0..HASH_CHARS {
        text.push(char::from(DIGITS[(value % 62) as usize]));
        value /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ANTHROPIC: IdRule = IdRule { min: 1, max: 64, punctuation: true };
    const MISTRAL: IdRule = IdRule { min: 9, max: 9, punctuation: false };

    #[test]
    fn an_id_that_fits_is_left_alone() {
        assert_eq!(ANTHROPIC.apply("toolu_01-A"), "toolu_01-A");
        assert_eq!(MISTRAL.apply("D681PevKs"), "D681PevKs");
    }

    #[test]
    fn names_fit_the_rule_and_stay_apart() {
        let long = "x".repeat(400);
        let ids = ["", "call|item", "call/item", "call.item", &long, &format!("{long}y"), "é", "short"];
        for rule in [ANTHROPIC, MISTRAL, IdRule { min: 1, max: 40, punctuation: true }] {
            let names: HashSet<_> = ids.iter().map(|id| rule.apply(id)).collect();
            assert_eq!(names.len(), ids.len(), "{names:?}");
            for name in &names {
                assert!((rule.min..=rule.max).contains(&name.len()), "{name}");
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || (rule.punctuation && "_-".contains(c))));
                assert_eq!(rule.apply(name), *name, "naming twice changes nothing");
            }
        }
    }
}
