//! Reading what providers write, which is not always what they document.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text in a provider's JSON: borrowed where it has no escapes. A number or boolean reads as its text, `null` and
/// anything else as the empty text. Use with `#[serde(borrow, default)]`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Str<'a>(pub Cow<'a, str>);

impl Str<'_> {
    /// The text as an owned string.
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// The text, unless it is empty.
    pub fn non_empty(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }
}

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrVisitor)
    }
}

struct StrVisitor;

impl<'de> Visitor<'de> for StrVisitor {
    type Value = Str<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Str(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Str(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Str(Cow::Owned(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Str(Cow::Owned(value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Str(Cow::Owned(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Str::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Str::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Str::default())
    }
}

/// A count in a provider's JSON: absent for `null`, for a negative or broken number, and for anything else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count(pub Option<u64>);

impl Count {
    /// Replaces `known` where there is a count.
    pub fn update(self, known: &mut u64) {
        *known = self.0.unwrap_or(*known);
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Str::deserialize(deserializer)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be a whole number in range"
        )]
        let whole = |number: f64| (number.fract() == 0.0 && (0.0..1e15).contains(&number)).then_some(number as u64);
        Ok(Self(text.parse().ok().or_else(|| whole(text.parse().ok()?))))
    }
}

/// JSON as models and servers break it, made readable: raw control characters in strings are escaped, backslashes that
/// escape nothing are doubled, halves of surrogate pairs become U+FFFD. `None` where there was nothing to mend.
///
/// For the second try, after a first parse failed.
pub fn repair(json: &str) -> Option<String> {
    let mut mended = String::with_capacity(json.len() + 16);
    let mut changed = false;
    let mut in_string = false;
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '"' => {
                in_string = !in_string;
                mended.push(c);
            }
            '\\' if in_string => {
                let (good, length) = escape_at(rest);
                taken = length;
                changed |= !good;
                match (good, length) {
                    (true, _) => mended.push_str(&rest[..length]),
                    (false, 1) => mended.push_str("\\\\"),
                    (false, _) => mended.push('\u{FFFD}'),
                }
            }
            '\0'..='\x1f' if in_string => {
                changed = true;
                mended.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => mended.push(c),
        }
        rest = &rest[taken..];
    }
    changed.then_some(mended)
}

/// Whether the escape at the start of `text` is one, and how many bytes it takes.
fn escape_at(text: &str) -> (bool, usize) {
    match text.as_bytes().get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (true, 2),
        Some(b'u') => match unit(text) {
            None => (false, 1),
            Some(0xD800..=0xDBFF) => match text.get(6..).and_then(unit) {
                Some(0xDC00..=0xDFFF) => (true, 12),
                _ => (false, 6),
            },
            Some(0xDC00..=0xDFFF) => (false, 6),
            Some(_) => (true, 6),
        },
        _ => (false, 1),
    }
}

/// The UTF-16 unit of a `\uXXXX` at the start of `text`.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_any_scalar_as_text_and_borrows() {
        let read = |json: &'static str| serde_json::from_str::<Str<'static>>(json).unwrap();
        assert!(matches!(read(r#""plain""#).0, Cow::Borrowed("plain")));
        for (json, text) in
            [(r#""a\nb""#, "a\nb"), ("400", "400"), ("-1", "-1"), ("null", ""), ("true", "true"), (r#"{"a":[1]}"#, "")]
        {
            assert_eq!(&*read(json), text);
        }
    }

    #[test]
    fn reads_a_count_where_there_is_one() {
        let read = |json| serde_json::from_str::<Count>(json).unwrap().0;
        for (json, count) in [("7", Some(7)), ("7.0", Some(7)), ("\"7\"", Some(7)), ("0", Some(0))] {
            assert_eq!(read(json), count, "{json}");
        }
        for json in ["-1", "1.5", "1e99", "null", "\"x\"", "{}", "[1]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn mends_what_breaks_strings_and_nothing_else() {
        for (broken, text) in [
            ("\"a\nb\tc\"", "a\nb\tc"),
            (r#""\d+ \q""#, r"\d+ \q"),
            (r#""\ud83d alone""#, "\u{FFFD} alone"),
            (r#""\ude00 alone""#, "\u{FFFD} alone"),
            (r#""\ud83d\ude00 \ud83dx""#, "😀 \u{FFFD}x"),
            (r#""\u12 é""#, r"\u12 é"),
        ] {
            assert!(serde_json::from_str::<String>(broken).is_err(), "{broken}");
            assert_eq!(serde_json::from_str::<String>(&repair(broken).unwrap()).unwrap(), text, "{broken}");
        }
        assert_eq!(repair(r#"{"a":"\\d \u00e9 \ud83d\ude00 \" \n"}"#), None);
        assert_eq!(repair("not json"), None);
        assert_eq!(repair("\"cut \\"), Some("\"cut \\\\".to_owned()));
    }
}
