//! From the text that a model wrote to typed arguments.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// The most bytes of wrong arguments that an error repeats.
const MAX_ECHO_BYTES: usize = 2000;

/// The JSON Schema of `T`, in the plain form that every provider takes: no `$schema`, no `$ref`.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(object) = &mut schema {
        object.remove("title");
        object.entry("type").or_insert_with(|| Value::from("object"));
        object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    schema
}

/// Reads arguments. When they do not fit as written, harmless slips of models are mended once: a number in quotes, a
/// `null` for something absent.
pub(super) fn parse<T: DeserializeOwned + JsonSchema>(tool: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).or_else(|error| {
        let mended = serde_json::from_str::<Value>(text).ok().and_then(|mut value| {
            mend(&mut value, &schema_of::<T>());
            serde_json::from_value(value).ok()
        });
        mended.ok_or_else(|| invalid(tool, text, &error.to_string()))
    })
}

/// The error for arguments that a tool does not take.
pub(super) fn invalid(tool: &str, text: &str, why: &str) -> Error {
    let end = text.floor_char_boundary(MAX_ECHO_BYTES);
    let more = if end < text.len() { "…" } else { "" };
    Error::new(
        ErrorKind::InvalidInput,
        "check arguments",
        format!("{why}. Correct the call and make it again. Received: {}{more}", &text[..end]),
    )
    .with("tool", tool)
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
        Value::String(text) if wants("number") => text.trim().parse::<f64>().ok().map(Value::from),
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
}
