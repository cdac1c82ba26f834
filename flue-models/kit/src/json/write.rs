//! Writing JSON into a byte buffer, with pieces that are JSON already.

use std::io::Write;

use serde_json::Value;

/// Writes one JSON object into `out`; closed by [`Object::end`].
#[derive(Debug)]
#[must_use = "an object is closed by `end`"]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a key, and gives the buffer to write its value to: exactly one JSON value.
    pub fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        escape(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A text.
    pub fn text(mut self, key: &str, value: &str) -> Self {
        escape(self.key(key), value);
        self
    }

    /// A whole number.
    pub fn number(mut self, key: &str, value: u64) -> Self {
        // Writing into a `Vec` cannot fail.
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// `true` or `false`.
    pub fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    /// Any value.
    pub fn value(mut self, key: &str, value: &Value) -> Self {
        // Writing into a `Vec` cannot fail.
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// Bytes that are JSON already.
    pub fn raw(mut self, key: &str, json: impl AsRef<[u8]>) -> Self {
        self.key(key).extend_from_slice(json.as_ref());
        self
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes one JSON array into `out`; closed by [`Array::end`].
#[derive(Debug)]
#[must_use = "an array is closed by `end`"]
pub struct Array<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Array<'a> {
    /// Opens an array.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, empty: true }
    }

    /// Opens the next item, and gives the buffer to write it to: exactly one JSON value.
    pub fn item(&mut self) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        self.out
    }

    /// Adds items that are JSON already, joined with commas. No bytes are no item.
    pub fn raw(&mut self, items: impl AsRef<[u8]>) {
        let items = items.as_ref();
        if !items.is_empty() {
            self.item().extend_from_slice(items);
        }
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Closes the array.
    pub fn end(self) {
        self.out.push(b']');
    }
}

/// Writes `text` as a JSON string, quotes included.
pub fn escape(out: &mut Vec<u8>, text: &str) {
    // Writing a string into a `Vec` cannot fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_one_document() {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out)
            .text("a\"b", "é\n\u{1}")
            .number("n", 7)
            .flag("f", false)
            .value("v", &serde_json::json!({"x": [1, null]}))
            .raw("r", br#"{"kept":1}"#);
        let mut array = Array::new(object.key("items"));
        array.raw("");
        assert!(array.is_empty());
        array.raw("1,2");
        escape(array.item(), "three");
        array.end();
        object.end();
        let expected =
            r#"{"a\"b":"é\n\u0001","n":7,"f":false,"v":{"x":[1,null]},"r":{"kept":1},"items":[1,2,"three"]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
