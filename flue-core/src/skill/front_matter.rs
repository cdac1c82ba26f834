//! The front matter of a skill: the few forms of YAML that skills are written in, without a YAML parser's weight.
//!
//! Keys with plain, quoted and block scalars, and one level of keys below a key. All values are text. What else YAML has
//! (anchors, tags, flow collections) is refused where a value is asked for, and passed over where none is.

use std::collections::BTreeMap;

/// The line before and after front matter.
const FENCE: &str = "---";

/// What front matter says, and the text after it.
#[derive(Debug, PartialEq)]
pub(super) struct FrontMatter<'a> {
    fields: Vec<Field<'a>>,
    pub(super) body: &'a str,
}

/// A key, what stands behind it, and the lines below that belong to it.
#[derive(Debug, PartialEq)]
struct Field<'a> {
    key: &'a str,
    line: usize,
    value: &'a str,
    below: Vec<&'a str>,
}

/// What is wrong, and in which line of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    pub(super) line: usize,
    pub(super) why: String,
}

fn malformed(line: usize, why: impl Into<String>) -> Malformed {
    Malformed { line, why: why.into() }
}

impl<'a> FrontMatter<'a> {
    /// Reads the text of a file that begins with front matter.
    pub(super) fn read(text: &'a str) -> Result<Self, Malformed> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.split_inclusive('\n').enumerate();
        let mut at = match lines.next() {
            Some((_, first)) if first.trim_end() == FENCE => first.len(),
            _ => return Err(malformed(1, "the file must begin with a line `---`, its fields, and another line `---`")),
        };
        let mut fields: Vec<Field<'a>> = Vec::new();
        for (index, whole) in lines {
            let (number, line) = (index + 1, whole.trim_end());
            at += whole.len();
            if line == FENCE {
                return Ok(Self { fields, body: text[at..].trim() });
            }
            let is_below = line.is_empty() || line.starts_with([' ', '\t', '#']) || line.starts_with("- ");
            match (is_below, fields.last_mut()) {
                (true, Some(field)) => field.below.push(line),
                (true, None) if line.trim_start().is_empty() || line.trim_start().starts_with('#') => {}
                (true, None) => return Err(malformed(number, "a field begins at the start of its line")),
                (false, _) => {
                    let (key, value) =
                        line.split_once(':').ok_or_else(|| malformed(number, "this is no `key: value`"))?;
                    if fields.iter().any(|field| field.key == key) {
                        return Err(malformed(number, format!("`{key}` is there twice")));
                    }
                    fields.push(Field { key, line: number, value: value.trim(), below: Vec::new() });
                }
            }
        }
        Err(malformed(1, "the fields that begin here have no end; close them with a line `---`"))
    }

    /// The text of a field; `None` for one that is absent or empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Malformed> {
        let Some(field) = self.fields.iter().find(|field| field.key == key) else { return Ok(None) };
        let text = field.text()?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// The keys below a field, with their texts; none for one that is absent.
    pub(super) fn map(&self, key: &str) -> Result<BTreeMap<String, String>, Malformed> {
        let Some(field) = self.fields.iter().find(|field| field.key == key) else { return Ok(BTreeMap::new()) };
        if !field.value.is_empty() && !field.value.starts_with('#') {
            return Err(malformed(field.line, format!("`{key}` is a list of keys, each on a line of its own below")));
        }
        let mut map = BTreeMap::new();
        for (line, below) in (field.line + 1..).zip(&field.below) {
            let below = below.trim();
            if below.is_empty() || below.starts_with('#') {
                continue;
            }
            let (name, value) = below.split_once(':').ok_or_else(|| malformed(line, "this is no `key: value`"))?;
            let value = Field { key: name, line, value: value.trim(), below: Vec::new() }.text()?;
            map.insert(name.trim().trim_matches(['"', '\'']).to_owned(), value);
        }
        Ok(map)
    }
}

impl Field<'_> {
    fn text(&self) -> Result<String, Malformed> {
        let value = self.value;
        match value.chars().next() {
            Some('|') => Ok(self.block("\n")),
            Some('>') => Ok(self.block(" ")),
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some('[' | '{' | '&' | '*' | '!' | '%' | '@' | '`') => Err(malformed(
                self.line,
                format!("`{}` begins with a character that has a meaning in YAML; put the text in quotes", self.key),
            )),
            _ => Ok(self.plain()),
        }
    }

    /// The text behind the key and on the lines below, without comments.
    fn plain(&self) -> String {
        let without_comment = |line: &str| match line.find(" #") {
            Some(comment) => line[..comment].trim().to_owned(),
            None => line.trim().to_owned(),
        };
        let value = if self.value.starts_with('#') { String::new() } else { without_comment(self.value) };
        let below =
            self.below.iter().filter(|line| !line.trim_start().starts_with('#')).map(|line| without_comment(line));
        let lines: Vec<String> = std::iter::once(value).chain(below).filter(|line| !line.is_empty()).collect();
        lines.join(" ")
    }

    /// The lines below, without their indentation; `joint` stands between those that belong together.
    fn block(&self, joint: &str) -> String {
        let indent = |line: &&str| line.len() - line.trim_start().len();
        let shared = self.below.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
        let mut text = String::new();
        for line in &self.below {
            let line = line.get(shared..).unwrap_or_default();
            if line.is_empty() {
                text.push('\n');
            } else {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push_str(joint);
                }
                text.push_str(line);
                if joint == "\n" {
                    text.push('\n');
                }
            }
        }
        text.trim_end().to_owned()
    }

    fn quoted(&self, quote: char) -> Result<String, Malformed> {
        let mut source = self.value[1..].to_owned();
        for line in self.below.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            source.push(' ');
            source.push_str(line);
        }
        let mut text = String::new();
        let mut chars = source.chars();
        loop {
            match chars.next() {
                Some('\'') if quote == '\'' && chars.as_str().starts_with('\'') => {
                    chars.next();
                    text.push('\'');
                }
                Some(end) if end == quote => {
                    let rest = chars.as_str().trim();
                    if rest.is_empty() || rest.starts_with('#') {
                        return Ok(text);
                    }
                    return Err(malformed(self.line, format!("there is text after the quotes of `{}`", self.key)));
                }
                Some('\\') if quote == '"' => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(plain @ ('"' | '\\' | '/')) => text.push(plain),
                    _ => return Err(malformed(self.line, format!("`{}` has an escape that is not known", self.key))),
                },
                Some(plain) => text.push(plain),
                None => return Err(malformed(self.line, format!("the quotes of `{}` are not closed", self.key))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(yaml: &str) -> Result<Option<String>, Malformed> {
        FrontMatter::read(&format!("---\n{yaml}\nnext: x\n---\nBody.\n")).and_then(|front| front.text("k"))
    }

    #[test]
    fn the_forms_that_skills_are_written_in_are_read() {
        for (yaml, expected) in [
            ("k: plain", "plain"),
            ("k:   spaced  # a comment", "spaced"),
            ("k: 007", "007"),
            ("k: Use when: always", "Use when: always"),
            ("k: one\n  two\n\n  three", "one two three"),
            ("k: \"a: \\\"b\\\"\\n\\\\ # no comment\" # one", "a: \"b\"\n\\ # no comment"),
            ("k: 'it''s'", "it's"),
            ("k: \"one\n  two\"", "one two"),
            ("k: |\n  one\n    two\n\n  three\n", "one\n  two\n\nthree"),
            ("k: >-\n  one\n  two\n\n  three", "one two\nthree"),
            ("k:\n  below", "below"),
            ("k: a#b", "a#b"),
        ] {
            assert_eq!(field(yaml), Ok(Some(expected.to_owned())), "{yaml:?}");
        }
        for empty in ["k:", "k: ''", "k: # nothing", "other: x"] {
            assert_eq!(field(empty), Ok(None), "{empty:?}");
        }
    }

    #[test]
    fn what_is_not_read_is_told_with_its_line() {
        for (yaml, line, why) in [
            ("k: [a, b]", 2, "put the text in quotes"),
            ("k: &a b", 2, "put the text in quotes"),
            ("k: \"open", 2, "not closed"),
            ("k: 'a' b", 2, "text after the quotes"),
            ("k: \"\\x41\"", 2, "escape"),
            ("k: a\nk: b", 3, "twice"),
            ("k: a\nnothing", 3, "no `key: value`"),
        ] {
            let error = field(yaml).unwrap_err();
            assert!(error.line == line && error.why.contains(why), "{yaml:?}: {error:?}");
        }
        for text in ["", "no front matter", "---\nk: v\n", "---", " ---\n---\n"] {
            assert_eq!(FrontMatter::read(text).unwrap_err().line, 1, "{text:?}");
        }
        assert_eq!(FrontMatter::read("---\n  k: v\n---\n").unwrap_err().line, 2);
    }

    #[test]
    fn keys_below_a_key_and_what_nobody_asks_for() {
        let text = "\u{feff}---\r\nodd: [1, {a: b}]\r\nmetadata:\r\n  # why\r\n  author: \"me\"\r\n  'version': 1.0\r\n  none:\r\n---\r\n\r\n# Title\r\n";
        let front = FrontMatter::read(text).unwrap();
        let map = front.map("metadata").unwrap();
        let expected = [("author", "me"), ("none", ""), ("version", "1.0")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(map, BTreeMap::from(expected));
        assert_eq!((front.body, front.map("missing").unwrap().len()), ("# Title", 0));
        assert_eq!(FrontMatter::read("---\nm: x\n---\n").unwrap().map("m").unwrap_err().line, 2);
    }
}
