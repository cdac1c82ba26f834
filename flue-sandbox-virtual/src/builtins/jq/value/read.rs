//! Reads JSON, one value after the other, without recursion.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Fields, Heap, MAX_DEPTH, Val};

/// Integers up to here are exact as `f64`.
const MAX_EXACT: i64 = 1 << 53;

/// Why a text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Unreadable(pub(in super::super) String);

/// Reads the values of a text.
pub(in super::super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    heap: Arc<Heap>,
    /// Keys seen before: most come often.
    keys: HashSet<Arc<str>>,
    /// Lines up to the end of the line on which the last value ended, and where that is.
    lines: usize,
    counted: usize,
}

enum Open {
    Array { items: Vec<Val>, filled: bool, comma: bool },
    Object { fields: Fields, key: Option<Arc<str>>, phase: Phase, comma: bool },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Key,
    Colon,
    Value,
    Filled,
}

/// The only value of a text.
pub(in super::super) fn read_one(text: &str, heap: &Arc<Heap>) -> Result<Val, Unreadable> {
    let mut reader = Reader::new(text, heap);
    match (reader.next(), reader.next()) {
        (Some(Err(error)), _) | (_, Some(Err(error))) => Err(error),
        (Some(Ok(val)), None) => Ok(val),
        (Some(Ok(_)), Some(Ok(_))) => Err(Unreadable("Unexpected extra JSON values".into())),
        (None, _) => Err(Unreadable("Expected JSON value".into())),
    }
}

impl<'t> Reader<'t> {
    pub(in super::super) fn new(text: &'t str, heap: &Arc<Heap>) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, at, heap: Arc::clone(heap), keys: HashSet::new(), lines: 0, counted: 0 }
    }

    /// Lines that were read so far.
    pub(in super::super) fn lines(&mut self) -> usize {
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |newline| self.at + newline + 1);
        if end > self.counted {
            self.lines += self.text[self.counted..end].matches('\n').count();
            self.counted = end;
        }
        self.lines
    }

    /// The next line, whatever is on it.
    pub(in super::super) fn line(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, length) = rest.split_once('\n').map_or((rest, rest.len()), |(line, _)| (line, line.len() + 1));
        self.at += length;
        Some(line)
    }

    fn fail(&self, message: &str) -> Unreadable {
        let read = &self.text[..self.at];
        let line = 1 + read.matches('\n').count();
        let column = read.chars().rev().take_while(|c| *c != '\n').count();
        Unreadable(format!("{message} at line {line}, column {column}"))
    }

    fn value(&mut self) -> Option<Result<Val, Unreadable>> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x1e)).count();
            self.at += blank;
            let Some(&byte) = rest.get(blank) else {
                return (!stack.is_empty()).then(|| Err(self.fail("Unfinished JSON term at EOF")));
            };
            let value = match byte {
                b'[' | b'{' => {
                    self.at += 1;
                    if stack.len() >= MAX_DEPTH as usize {
                        return Some(Err(self.fail("Exceeds depth limit for parsing")));
                    }
                    if let Some(message) = stack.last().and_then(|open| open.refuses(false)) {
                        return Some(Err(self.fail(message)));
                    }
                    stack.push(if byte == b'[' {
                        Open::Array { items: Vec::new(), filled: false, comma: false }
                    } else {
                        Open::Object { fields: Fields::new(), key: None, phase: Phase::Key, comma: false }
                    });
                    continue;
                }
                b',' | b':' | b']' | b'}' => {
                    self.at += 1;
                    match self.structure(byte, &mut stack) {
                        Ok(None) => continue,
                        Ok(Some(val)) => val,
                        Err(message) => return Some(Err(self.fail(message))),
                    }
                }
                b'"' => match self.string() {
                    Ok(text) => match stack.last_mut() {
                        Some(Open::Object { key, phase: phase @ Phase::Key, .. }) => {
                            *key = Some(self.keys.get(text.as_str()).cloned().unwrap_or_else(|| {
                                let key: Arc<str> = text.into();
                                self.keys.insert(Arc::clone(&key));
                                key
                            }));
                            *phase = Phase::Colon;
                            continue;
                        }
                        _ => Val::text(&self.heap, text),
                    },
                    Err(error) => return Some(Err(error)),
                },
                _ => match self.token() {
                    Ok(val) => val,
                    Err(error) => return Some(Err(error)),
                },
            };
            match stack.last_mut() {
                None => return Some(Ok(value)),
                Some(open) => {
                    if let Some(message) = open.refuses(false) {
                        return Some(Err(self.fail(message)));
                    }
                    open.put(value);
                }
            }
            if let Err(stop) = self.heap.admit(0) {
                return Some(Err(Unreadable(stop.to_string())));
            }
        }
    }

    /// A comma, a colon or the end of something, which is given back.
    fn structure(&self, byte: u8, stack: &mut Vec<Open>) -> Result<Option<Val>, &'static str> {
        match (byte, stack.last_mut()) {
            (b',', Some(Open::Array { filled, comma, .. })) => {
                if !*filled {
                    return Err("Expected value before ','");
                }
                (*filled, *comma) = (false, true);
            }
            (b',', Some(Open::Object { phase, comma, .. })) => {
                if *phase != Phase::Filled {
                    return Err("Objects must consist of key:value pairs");
                }
                (*phase, *comma) = (Phase::Key, true);
            }
            (b':', Some(Open::Object { phase, .. })) => {
                if *phase != Phase::Colon {
                    return Err("Object keys must be strings");
                }
                *phase = Phase::Value;
            }
            (b':', _) => return Err("':' not as part of an object"),
            (b']', Some(Open::Array { filled: false, comma: true, .. })) => {
                return Err("Expected another array element");
            }
            (b'}', Some(Open::Object { phase: Phase::Key, comma: true, .. })) => {
                return Err("Objects must consist of key:value pairs");
            }
            (b'}', Some(Open::Object { phase: Phase::Colon | Phase::Value, .. })) => {
                return Err("Objects must consist of key:value pairs");
            }
            (b']', Some(Open::Array { .. })) | (b'}', Some(Open::Object { .. })) => {
                return Ok(stack.pop().map(|open| match open {
                    Open::Array { items, .. } => Val::list(&self.heap, items),
                    Open::Object { fields, .. } => Val::map(&self.heap, fields),
                }));
            }
            (b']', _) => return Err("Unmatched ']'"),
            (b'}', _) => return Err("Unmatched '}'"),
            _ => return Err("Expected value before ','"),
        }
        Ok(None)
    }

    /// A number or a word.
    fn token(&mut self) -> Result<Val, Unreadable> {
        let rest = &self.text[self.at..];
        let ends = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n' | '[' | ']' | '{' | '}' | ',' | ':' | '"' | '\u{1e}');
        let length = rest.find(ends).unwrap_or(rest.len());
        let token = &rest[..length];
        let val = match token {
            "null" => Some(Val::Null),
            "true" => Some(Val::Bool(true)),
            "false" => Some(Val::Bool(false)),
            "nan" | "NaN" => Some(Val::Num(f64::NAN)),
            _ => number(token),
        };
        if let Some(val) = val {
            self.at += length;
            return Ok(val);
        }
        // The character behind the token is what shows that it is none.
        self.at += length + rest[length..].chars().next().map_or(0, char::len_utf8);
        let word = token.starts_with(['t', 'f', 'n']);
        let end = if self.at == self.text.len() && length == rest.len() { " at EOF" } else { "" };
        Err(self.fail(&format!("Invalid {}{end}", if word { "literal" } else { "numeric literal" })))
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(plain) = rest.find(['"', '\\']) else {
                self.at = self.text.len();
                return Err(self.fail("Unfinished string at EOF"));
            };
            out.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest.as_bytes()[plain] == b'"' {
                return Ok(out);
            }
            let escape = rest[plain + 1..].chars().next();
            self.at += escape.map_or(0, char::len_utf8);
            match escape {
                Some(c @ ('"' | '\\' | '/')) => out.push(c),
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('u') => {
                    let c = self.unicode_escape().ok_or_else(|| self.fail("Invalid escape"))?;
                    out.push(c);
                }
                _ => return Err(self.fail("Invalid escape")),
            }
        }
    }

    /// The character of four digits, or of eight in two escapes. Half of a pair alone is none.
    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        if self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            match self.four_digits() {
                Some(second @ 0xdc00..0xe000) => {
                    return char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                }
                _ => self.at = before,
            }
        }
        Some(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Val, Unreadable>;

    /// After an error nothing follows.
    fn next(&mut self) -> Option<Self::Item> {
        let value = self.value();
        if matches!(value, Some(Err(_))) {
            self.at = self.text.len();
        }
        value
    }
}

impl Open {
    /// Why no value can come here, if so.
    fn refuses(&self, is_key: bool) -> Option<&'static str> {
        match self {
            Self::Array { filled: true, .. } | Self::Object { phase: Phase::Filled, .. } => {
                Some("Expected separator between values")
            }
            Self::Object { phase: Phase::Key, .. } if !is_key => Some("Object keys must be strings"),
            Self::Object { phase: Phase::Colon, .. } => Some("Objects must consist of key:value pairs"),
            _ => None,
        }
    }

    fn put(&mut self, val: Val) {
        match self {
            Self::Array { items, filled, .. } => {
                items.push(val);
                *filled = true;
            }
            Self::Object { fields, key, phase, .. } => {
                if let Some(key) = key.take() {
                    fields.insert(key, val);
                }
                *phase = Phase::Filled;
            }
        }
    }
}

/// A number; one that is too large is the largest there is.
fn number(token: &str) -> Option<Val> {
    let plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !token.bytes().all(plain) {
        return None;
    }
    if let Ok(long) = token.parse::<i64>()
        && long.unsigned_abs() > MAX_EXACT.unsigned_abs()
    {
        return Some(Val::Long(long));
    }
    token.parse().ok().map(Val::Num)
}

#[cfg(test)]
mod tests {
    use super::super::compact;
    use super::*;

    fn read(text: &str) -> Vec<String> {
        Reader::new(text, &Heap::new(1 << 20))
            .map(|val| match val {
                Ok(val) => compact(&val),
                Err(Unreadable(message)) => format!("! {message}"),
            })
            .collect()
    }

    #[test]
    fn values_follow_each_other() {
        assert_eq!(
            read("1 [2,{\"a\":[]} ]{\"b\" : null}\"c\\u00e9\\ud83d\\ude00\\n\"true"),
            ["1", r#"[2,{"a":[]}]"#, r#"{"b":null}"#, r#""cé😀\n""#, "true"]
        );
        assert_eq!(read(" \n"), [""; 0]);
        assert_eq!(read(r#"{"a":1,"b":2,"a":3}"#), [r#"{"a":3,"b":2}"#]);
        assert_eq!(
            read("9007199254740993 -9223372036854775808 1e400"),
            ["9007199254740993", "-9223372036854775808", "1.7976931348623157e+308"]
        );
        assert_eq!(read(r#""\ud800x""#), ["\"\u{fffd}x\""]);
    }

    #[test]
    fn what_is_none_is_said_where() {
        for (text, message) in [
            ("{\"a\":1\n", "Unfinished JSON term at EOF at line 2, column 0"),
            ("{a:1}", "Invalid numeric literal at line 1, column 3"),
            ("[1 2]", "Expected separator between values at line 1, column 4"),
            ("[1,]", "Expected another array element at line 1, column 4"),
            ("{\"a\" 1}", "Objects must consist of key:value pairs at line 1, column 6"),
            ("]", "Unmatched ']' at line 1, column 1"),
            ("tru ", "Invalid literal at line 1, column 4"),
            ("\"a", "Unfinished string at EOF at line 1, column 2"),
        ] {
            assert_eq!(read(text), [format!("! {message}")], "{text}");
        }
        assert_eq!(read("1 x 2"), ["1", "! Invalid numeric literal at line 1, column 4"]);
        let deep = "[".repeat(20_000);
        assert!(read(&deep)[0].starts_with("! Exceeds depth limit"));
    }

    #[test]
    fn lines_are_counted_to_the_end_of_the_value() {
        let heap = Heap::new(1 << 20);
        let mut reader = Reader::new("1\n[\n2\n] 3", &heap);
        let mut lines = Vec::new();
        while reader.next().is_some() {
            lines.push(reader.lines());
        }
        assert_eq!(lines, [1, 3, 3]);
    }
}
