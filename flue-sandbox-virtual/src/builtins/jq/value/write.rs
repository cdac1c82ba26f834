//! Writes JSON, up to a bound.

use std::sync::Arc;

use super::super::machine::Stop;
use super::{Map, Val, format_number};

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Layout {
    Compact,
    Spaces(usize),
    Tabs,
}

/// Writes values into a text.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Writer {
    pub(in super::super) layout: Layout,
    pub(in super::super) sort: bool,
    pub(in super::super) ascii: bool,
    /// The bytes that the text may get.
    pub(in super::super) limit: usize,
}

/// A value in the least space.
pub(in super::super) fn compact(val: &Val) -> String {
    let mut out = String::new();
    let writer = Writer { layout: Layout::Compact, sort: false, ascii: false, limit: usize::MAX };
    // Without a limit, there is nothing to fail.
    let _ = writer.write(val, &mut out);
    out
}

/// What is left to write of an array or object.
enum Rest<'v> {
    Array(std::slice::Iter<'v, Val>),
    Object(Box<dyn Iterator<Item = (&'v Arc<str>, &'v Val)> + 'v>),
}

impl Writer {
    /// Appends `val`, without recursion.
    ///
    /// # Errors
    /// When the text gets longer than it may.
    pub(in super::super) fn write(&self, val: &Val, out: &mut String) -> Result<(), Stop> {
        let mut stack: Vec<(Rest<'_>, bool)> = Vec::new();
        let mut next = Some(val);
        loop {
            if let Some(val) = next.take() {
                match val {
                    Val::Arr(list) if list.items().is_empty() => out.push_str("[]"),
                    Val::Obj(map) if map.fields().is_empty() => out.push_str("{}"),
                    Val::Arr(list) => {
                        out.push('[');
                        stack.push((Rest::Array(list.items().iter()), true));
                    }
                    Val::Obj(map) => {
                        out.push('{');
                        stack.push((Rest::Object(self.fields(map)), true));
                    }
                    scalar => self.scalar(scalar, out),
                }
            }
            self.check(out)?;
            let level = stack.len();
            let Some((rest, first)) = stack.last_mut() else { return Ok(()) };
            let (key, item, end) = match rest {
                Rest::Array(items) => (None, items.next(), ']'),
                Rest::Object(fields) => match fields.next() {
                    Some((key, val)) => (Some(key), Some(val), '}'),
                    None => (None, None, '}'),
                },
            };
            match item {
                Some(item) => {
                    if !std::mem::replace(first, false) {
                        out.push(',');
                    }
                    self.line(level, out);
                    if let Some(key) = key {
                        self.string(key, out);
                        out.push_str(if self.layout == Layout::Compact { ":" } else { ": " });
                    }
                    next = Some(item);
                }
                None => {
                    stack.pop();
                    self.line(level - 1, out);
                    out.push(end);
                }
            }
        }
    }

    /// Whether a text is as long as it may be.
    pub(in super::super) fn check(&self, out: &str) -> Result<(), Stop> {
        if out.len() <= self.limit {
            return Ok(());
        }
        let limit = self.limit;
        Err(Stop::Fatal(format!("more than {limit} bytes of output for one input (VirtualLimits::memory_bytes)")))
    }

    fn fields<'v>(&self, map: &'v Map) -> Box<dyn Iterator<Item = (&'v Arc<str>, &'v Val)> + 'v> {
        if !self.sort {
            return Box::new(map.fields().iter());
        }
        let mut fields: Vec<_> = map.fields().iter().collect();
        fields.sort_by(|a, b| a.0.cmp(b.0));
        Box::new(fields.into_iter())
    }

    fn line(&self, level: usize, out: &mut String) {
        let (indent, count) = match self.layout {
            Layout::Compact => return,
            Layout::Spaces(width) => (' ', level * width),
            Layout::Tabs => ('\t', level),
        };
        out.push('\n');
        out.extend(std::iter::repeat_n(indent, count));
    }

    fn scalar(&self, val: &Val, out: &mut String) {
        match val {
            Val::Bool(true) => out.push_str("true"),
            Val::Bool(false) => out.push_str("false"),
            Val::Num(number) => format_number(*number, out),
            Val::Long(long) => out.push_str(&long.to_string()),
            Val::Str(text) => self.string(text.as_str(), out),
            _ => out.push_str("null"),
        }
    }

    fn string(&self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\u{0}'..'\u{20}' | '\u{7f}' => unicode_escape(c, out),
                _ if self.ascii && !c.is_ascii() => unicode_escape(c, out),
                _ => out.push(c),
            }
        }
        out.push('"');
    }
}

fn unicode_escape(c: char, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Heap, read_one};
    use super::*;

    fn write(json: &str, layout: Layout, sort: bool, ascii: bool) -> String {
        let val = read_one(json, &Heap::new(1 << 20)).unwrap();
        let mut out = String::new();
        Writer { layout, sort, ascii, limit: 1 << 20 }.write(&val, &mut out).unwrap();
        out
    }

    #[test]
    fn layouts_are_those_of_jq() {
        let json = r#"{"b":[1,{},[]],"a":{"é":"\u0001\u007f\"😀"}}"#;
        assert_eq!(
            write(json, Layout::Compact, false, false),
            "{\"b\":[1,{},[]],\"a\":{\"é\":\"\\u0001\\u007f\\\"😀\"}}"
        );
        assert_eq!(
            write(json, Layout::Spaces(2), true, true),
            "{\n  \"a\": {\n    \"\\u00e9\": \"\\u0001\\u007f\\\"\\ud83d\\ude00\"\n  },\n  \"b\": [\n    1,\n    {},\n    []\n  ]\n}"
        );
        assert_eq!(write("[1]", Layout::Tabs, false, false), "[\n\t1\n]");
        assert_eq!(write("3", Layout::Tabs, false, false), "3");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let json = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let val = read_one(&json, &Heap::new(64 << 20)).unwrap();
        let writer = Writer { layout: Layout::Spaces(2), sort: false, ascii: false, limit: 1 << 20 };
        assert!(writer.write(&val, &mut String::new()).is_err());
    }
}
