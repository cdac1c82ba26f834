//! `--transform`: names changed by `sed`'s `s` command on their way into or out of an archive.

use regex::{Captures, Regex, RegexBuilder};

use super::super::super::bre;

/// One `s/PATTERN/REPLACEMENT/FLAGS`.
#[derive(Debug)]
pub(super) struct Transform {
    pattern: Regex,
    replacement: Vec<Part>,
    /// The first match that is replaced, counted from zero.
    first: usize,
    /// Whether those behind it are replaced too.
    all: bool,
}

/// A piece of what takes the place of a match.
#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

/// Reads expressions separated by semicolons.
pub(super) fn parse(text: &str) -> Result<Vec<Transform>, String> {
    let invalid = || "Invalid transform expression".to_owned();
    let mut transforms = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut chars = rest.strip_prefix('s').ok_or_else(invalid)?.chars();
        let mark = chars.next().ok_or_else(invalid)?;
        let (pattern, after) = part(chars.as_str(), mark).ok_or_else(invalid)?;
        let (replacement, after) = part(after, mark).ok_or_else(invalid)?;
        let (flags, after) = after.split_once(';').unwrap_or((after, ""));
        transforms.push(Transform::new(&pattern, &replacement, flags).ok_or_else(invalid)?);
        rest = after;
    }
    Ok(transforms)
}

/// Up to the mark, and what follows it. A mark behind a backslash is an ordinary character.
fn part(text: &str, mark: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            _ if c == mark => return Some((part, chars.as_str())),
            '\\' => match chars.next()? {
                escaped if escaped == mark => part.push(escaped),
                escaped => part.extend(['\\', escaped]),
            },
            _ => part.push(c),
        }
    }
    None
}

impl Transform {
    fn new(pattern: &str, replacement: &str, flags: &str) -> Option<Self> {
        let extended = flags.contains('x');
        let pattern = if extended { pattern.to_owned() } else { bre::modern(pattern) };
        let pattern = RegexBuilder::new(&pattern).case_insensitive(flags.contains('i')).build().ok()?;
        let digits: String = flags.chars().filter(char::is_ascii_digit).collect();
        let first = if digits.is_empty() { 1 } else { digits.parse::<usize>().ok()? };
        // The other letters say for what kind of name it is; these mean all kinds.
        let known = |c: char| c.is_ascii_digit() || "gixrhs".contains(c);
        if !flags.chars().all(known) || first == 0 {
            return None;
        }
        Some(Self { pattern, replacement: parts(replacement), first: first - 1, all: flags.contains('g') })
    }

    pub(super) fn apply(&self, name: &str) -> String {
        let mut out = String::new();
        let mut end = 0;
        for (at, found) in self.pattern.captures_iter(name).enumerate() {
            if at < self.first {
                continue;
            }
            let Some(whole) = found.get(0) else { continue };
            out.push_str(&name[end..whole.start()]);
            self.replace(&found, &mut out);
            end = whole.end();
            if !self.all {
                break;
            }
        }
        out.push_str(&name[end..]);
        out
    }

    fn replace(&self, found: &Captures<'_>, out: &mut String) {
        for part in &self.replacement {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(group) => out.push_str(found.get(*group).map_or("", |group| group.as_str())),
            }
        }
    }
}

fn parts(replacement: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        let group = match c {
            '&' => Some(0),
            '\\' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => digit.to_digit(10),
                Some(other) => {
                    text.push(other);
                    None
                }
                None => None,
            },
            _ => {
                text.push(c);
                None
            }
        };
        if let Some(group) = group {
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::Group(group as usize));
        }
    }
    parts.push(Part::Text(text));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(expressions: &str, name: &str) -> String {
        parse(expressions).unwrap().iter().fold(name.to_owned(), |name, transform| transform.apply(&name))
    }

    #[test]
    fn names_change() {
        for (expressions, name, expected) in [
            ("s/^d/new/", "d/a", "new/a"),
            ("s,^,pre/,", "a", "pre/a"),
            ("s/a/b/g", "aXa", "bXb"),
            ("s/a/b/2", "aaa", "aba"),
            (r"s/\(.*\)\.c/\1.o/", "x.c", "x.o"),
            (r"s/(a+)/<\1&>/x", "aa", "<aaaa>"),
            ("s/A/b/i;s/b/c/", "a", "c"),
            (r"s/a\/b/x/", "a/b", "x"),
        ] {
            assert_eq!(apply(expressions, name), expected, "{expressions}");
        }
        for bad in ["x/a/b/", "s/a/b", "s", "s/a/b/q", "s/\\(/b/"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
