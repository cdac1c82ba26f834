//! Fields that take any JSON value.
//!
//! Compatible servers disagree on the type of nearly every field: numbers arrive as strings, objects as `null`. One such
//! field must not cost the whole event, so a value of another form counts as absent. Everything is read in one pass.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use super::{Str, repair};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Visitor methods for the forms that count as absent.
macro_rules! absent {
    ($($form:ident)*) => { $(absent!(@ $form);)* };
    (@ bool) => { fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Self::Value::default()) } };
    (@ number) => {
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Self::Value::default()) }
    };
    (@ string) => { fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Self::Value::default()) } };
    (@ null) => { fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Self::Value::default()) } };
    (@ list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (@ object) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("any value")
}

/// A number, also one written as a string.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Number(
    /// The number; absent for any other value.
    pub Option<f64>,
);

impl Number {
    /// The number as a count; nothing when it is negative.
    pub fn count(self) -> Option<u64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked, and the cast saturates")]
        self.0.filter(|number| *number >= 0.0).map(|number| number as u64)
    }

    /// The number as a count, zero where there is none.
    pub fn or_zero(self) -> u64 {
        self.count().unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                expecting(f)
            }
            #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(Some(number)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.parse().ok()))
            }
            absent!(bool null list object);
        }
        deserializer.deserialize_any(Form)
    }
}

/// A list, empty where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(
    /// The items.
    pub Vec<T>,
);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Form<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                expecting(f)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
            absent!(bool number string null object);
        }
        deserializer.deserialize_any(Form(PhantomData))
    }
}

/// An object. Use with `#[serde(default)]`, as all of these.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<T>(
    /// The object; absent for any other value.
    pub Option<T>,
);

impl<T> Default for Record<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Form<T> {
            type Value = Record<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                expecting(f)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|object| Record(Some(object)))
            }
            absent!(bool number string null list);
        }
        deserializer.deserialize_any(Form(PhantomData))
    }
}

/// The text of a value that is a string in most dialects: a string's text, nothing for `null`, else the JSON itself.
pub fn text_of(value: Option<&RawValue>) -> Cow<'_, str> {
    let json = value.map_or("", |value| value.get().trim());
    match json.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Str<'_>>(json) {
            Ok(text) => text.0,
            // The value was skipped over unread, so its escapes were not checked yet.
            Err(_) => repair(json).and_then(|json| serde_json::from_str(&json).ok()).map_or("".into(), Cow::Owned),
        },
        Some(b'n') | None => "".into(),
        Some(_) => json.into(),
    }
}

/// Whether an `error` field reports an error: some servers always send one.
pub fn is_error(value: &RawValue) -> bool {
    !matches!(value.get().trim(), "null" | "{}" | "\"\"" | "false")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct All<'a> {
        #[serde(borrow)]
        text: Str<'a>,
        count: Number,
        price: Number,
        list: List<Number>,
        #[serde(borrow)]
        object: Record<Box<All<'a>>>,
    }

    #[test]
    fn any_value_in_any_field_is_read_or_counts_as_absent() {
        let values =
            ["null", "true", "1", "-1", "1.5", "1e300", "\"\"", "\"7\"", "\"a\\n\"", "[]", "[1,null,\"2\",{}]", "{}"];
        for field in ["text", "count", "price", "list", "object", "unknown"] {
            for value in values {
                let json = format!("{{\"{field}\":{value},\"count \":0}}");
                serde_json::from_str::<All<'_>>(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
            }
        }
    }

    #[test]
    fn values_of_the_expected_form_are_kept() {
        let all: All<'_> = serde_json::from_str(
            r#"{"text":"a","count":"7","price":0.5,"list":[1,"x",2.0],"object":{"text":"b\n","count":-1}}"#,
        )
        .unwrap();
        assert_eq!((&*all.text, all.count.count(), all.price.0), ("a", Some(7), Some(0.5)));
        assert_eq!(all.list.0, [Number(Some(1.0)), Number(None), Number(Some(2.0))]);
        let object = all.object.0.unwrap();
        assert_eq!((&*object.text, object.count.count()), ("b\n", None));
    }
}
