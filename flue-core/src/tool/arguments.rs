//! From the text that a model wrote to typed arguments.

use std::borrow::Cow;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// The most bytes of wrong arguments that an error repeats, and the most that it says about them.
const MAX_ECHO_BYTES: usize = 2000;

/// The JSON Schema of `T`, in the plain form that every provider takes: no `$schema`, and `$ref` only where a type holds
/// itself.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(object) = &mut schema {
        object.remove("title");
    }
    schema
}

/// The schema of a tool's arguments, which are an object whatever `T` is.
pub(super) fn object_schema_of<T: JsonSchema>() -> Value {
    let mut schema = schema_of::<T>();
    if let Value::Object(object) = &mut schema {
        object.entry("type").or_insert_with(|| Value::from("object"));
        object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    schema
}

/// Reads arguments. When they do not fit as written, harmless slips of models are mended once: a number in quotes, a
/// `null` for something absent.
pub(crate) fn parse<T: DeserializeOwned + JsonSchema>(tool: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).or_else(|error| {
        let mended = serde_json::from_str::<Value>(text).ok().and_then(|mut value| {
            mend(&mut value, &schema_of::<T>());
            serde_json::from_value(value).ok()
        });
        mended.ok_or_else(|| invalid(tool, text, &error.to_string()))
    })
}

/// Arguments that can be read as `T`, mended where [`parse`] would mend them.
pub(crate) fn check<T: DeserializeOwned + JsonSchema>(tool: &str, text: &str) -> Result<Value> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| invalid(tool, text, &error.to_string()))?;
    let Err(error) = T::deserialize(&value) else { return Ok(value) };
    mend(&mut value, &schema_of::<T>());
    match T::deserialize(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(invalid(tool, text, &error.to_string())),
    }
}

/// The error for arguments that a tool does not take.
pub(super) fn invalid(tool: &str, text: &str, why: &str) -> Error {
    let (why, text) = (shortened(why, MAX_ECHO_BYTES), shortened(text, MAX_ECHO_BYTES));
    Error::new(
        ErrorKind::InvalidInput,
        "check arguments",
        format!("{why}. Correct the call and make it again. Received: {text}"),
    )
    .with("tool", tool)
}

/// At most `max` bytes of `text`: its start and its end, which is where errors say what was expected.
pub(super) fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return text.into();
    }
    let half = max.saturating_sub('…'.len_utf8()) / 2;
    let (start, end) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    format!("{}…{}", &text[..start], &text[end..]).into()
}

/// Changes top-level values to the type that the schema asks for, where nothing is lost by it.
pub(super) fn mend(arguments: &mut Value, schema: &Value) {
    let (Value::Object(arguments), Some(Value::Object(properties))) = (arguments, schema.get("properties")) else {
        return;
    };
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    arguments.retain(|name, value| !value.is_null() || is_required(name) || !properties.contains_key(name));
    for (name, value) in arguments.iter_mut() {
        if let Some(mended) = properties.get(name).and_then(|property| mended(value, property)) {
            *value = mended;
        }
    }
}

fn mended(value: &Value, property: &Value) -> Option<Value> {
    let wants = |kind: &str| match property.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    match value {
        Value::String(_) if wants("string") => None,
        Value::String(text) if wants("integer") => text.trim().parse::<i64>().ok().map(Value::from),
        // `inf` and `nan` are numbers to Rust and `null` to JSON, which would make "no limit" of them.
        Value::String(text) if wants("number") => {
            text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        Value::String(text) if wants("boolean") => match text.trim() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        // Structured arguments sent as their own JSON text.
        Value::String(text) if wants("array") || wants("object") => {
            serde_json::from_str(text).ok().filter(|value: &Value| value.is_array() || value.is_object())
        }
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers in range are converted")]
        Value::Number(number) if wants("integer") && !number.is_i64() && !number.is_u64() => {
            let whole = number.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 9e15)?;
            Some(Value::from(whole as i64))
        }
        Value::Number(number) if wants("string") => Some(Value::String(number.to_string())),
        Value::Bool(flag) if wants("string") => Some(Value::String(flag.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    struct Args {
        /// Where.
        path: String,
        limit: Option<u32>,
        #[serde(default)]
        all: bool,
    }

    #[test]
    fn the_schema_is_a_plain_object() {
        let schema = schema_of::<Args>();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["properties"]["path"]["description"], "Where.");
        assert_eq!(schema["required"], serde_json::json!(["path"]));
        assert!(schema.get("$schema").is_none() && schema.get("title").is_none());
        assert_eq!(schema_of::<()>()["type"], "null");
        assert_eq!(object_schema_of::<Value>()["properties"], serde_json::json!({}));
    }

    #[test]
    fn slips_are_mended_and_nothing_is_guessed() {
        let args: Args = parse("t", r#"{"path":"a","limit":"5","all":"true"}"#).unwrap();
        assert_eq!(args, Args { path: "a".into(), limit: Some(5), all: true });
        let args: Args = parse("t", r#"{"path":7,"limit":2.0,"all":null}"#).unwrap();
        assert_eq!(args, Args { path: "7".into(), limit: Some(2), all: false });
        for bad in [r#"{}"#, r#"{"path":null}"#, r#"{"path":"a","limit":"many"}"#, r#"{"path":["a"]}"#] {
            let error = parse::<Args>("t", bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}");
            assert!(error.message().contains(bad), "{error}");
        }
    }

    #[test]
    fn only_finite_numbers_are_mended() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Args {
            seconds: Option<f64>,
        }
        assert_eq!(parse::<Args>("t", r#"{"seconds":" 1e3 "}"#).unwrap().seconds, Some(1000.0));
        for bad in ["inf", "-Infinity", "NaN", "1e999"] {
            parse::<Args>("t", &format!(r#"{{"seconds":"{bad}"}}"#)).unwrap_err();
        }
    }

    #[test]
    fn an_error_is_short_whatever_was_sent_and_says_what_was_expected() {
        let error = parse::<Args>("t", &format!(r#"{{"path":"a","limit":"{}"}}"#, "é".repeat(1 << 20))).unwrap_err();
        assert!(error.message().len() < 3 * MAX_ECHO_BYTES, "{} bytes", error.message().len());
        assert!(error.message().contains("expected u32"), "{error}");
        assert_eq!(shortened("aaébb", 6), "aaébb");
        assert_eq!(shortened("aaéébb", 7), "aa…bb");
        assert_eq!(shortened("ééé", 5), "…");
    }

    #[test]
    fn a_type_that_holds_itself_keeps_its_reference() {
        #[derive(Deserialize, JsonSchema)]
        struct Tree {
            #[expect(dead_code, reason = "only its schema counts")]
            children: Vec<Tree>,
        }
        let schema = schema_of::<Tree>();
        assert_eq!(schema["type"], "object");
        assert!(schema.to_string().contains("$ref"), "{schema}");
    }
}
