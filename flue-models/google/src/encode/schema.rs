//! Tool schemas as the protocol reads them.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// `schema` with every `const`, which the protocol passes over, as an `enum` of one value.
pub(super) fn without_const(schema: &Value) -> Cow<'_, Value> {
    if has_const(schema) { Cow::Owned(rewrite(schema)) } else { Cow::Borrowed(schema) }
}

/// Whether a schema has a `const`. What `properties` and the like hold are names, and may well be `const`.
fn has_const(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => object.iter().any(|(key, value)| key == "const" || has_const_below(key, value)),
        Value::Array(items) => items.iter().any(has_const),
        _ => false,
    }
}

fn has_const_below(key: &str, value: &Value) -> bool {
    match value {
        Value::Object(named) if holds_names(key) => named.values().any(has_const),
        _ if holds_data(key) => false,
        value => has_const(value),
    }
}

fn rewrite(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut changed = Map::new();
            for (key, value) in object {
                match value {
                    _ if key == "const" => {
                        changed.insert("enum".to_owned(), json!([value]));
                    }
                    Value::Object(named) if holds_names(key) => {
                        let named = named.iter().map(|(name, schema)| (name.clone(), rewrite(schema)));
                        changed.insert(key.clone(), Value::Object(named.collect()));
                    }
                    value if holds_data(key) => {
                        changed.insert(key.clone(), value.clone());
                    }
                    value => {
                        changed.insert(key.clone(), rewrite(value));
                    }
                }
            }
            Value::Object(changed)
        }
        Value::Array(items) => Value::Array(items.iter().map(rewrite).collect()),
        other => other.clone(),
    }
}

fn holds_names(key: &str) -> bool {
    matches!(key, "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas")
}

fn holds_data(key: &str) -> bool {
    matches!(key, "enum" | "default" | "examples" | "required")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_const_becomes_an_enum_and_nothing_else_changes() {
        let schema = json!({"type": "object", "properties": {
            "const": {"type": "string", "default": {"const": 1}},
            "kind": {"anyOf": [{"const": "a"}, {"const": null}]},
        }});
        assert_eq!(
            *without_const(&schema),
            json!({"type": "object", "properties": {
                "const": {"type": "string", "default": {"const": 1}},
                "kind": {"anyOf": [{"enum": ["a"]}, {"enum": [null]}]},
            }})
        );
        let plain = json!({"type": "object", "properties": {"const": {"type": "string"}}});
        assert!(matches!(without_const(&plain), Cow::Borrowed(_)));
    }
}
