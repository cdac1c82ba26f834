//! What a result must look like: the schema that the model reads, and the check that it must pass.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::tools::FINISH;
use crate::Result;
use crate::tool::arguments;

type Check = dyn Fn(&str) -> Result<Value> + Send + Sync;

/// What a result must look like.
pub(crate) struct Shape {
    /// The schema of the arguments of `finish`.
    pub(crate) parameters: Value,
    check: Box<Check>,
}

/// Tool arguments are always an object; a result that is none travels in one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    /// The result.
    #[expect(dead_code, reason = "the check reads it, and then the text of it is what counts")]
    // As a function, so that one that may be `null` still has to be there.
    #[serde(deserialize_with = "T::deserialize", bound = "T: DeserializeOwned")]
    result: T,
}

impl Shape {
    /// Whatever can be deserialised as `T`.
    pub(crate) fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        let bare = arguments::schema_of::<T>();
        if is_object(&bare) {
            return Self { parameters: bare, check: Box::new(|text| arguments::check::<T>(FINISH, text)) };
        }
        // The schema is made from a type and not around `bare`, so that references within it stay right.
        let mut parameters = arguments::schema_of::<Envelope<T>>();
        if let Value::Object(object) = &mut parameters {
            object.insert("required".to_owned(), Value::from(vec!["result"]));
        }
        Self { parameters, check: Box::new(|text| arguments::check::<Envelope<T>>(FINISH, text).map(opened)) }
    }

    /// Whatever is valid by a JSON Schema.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the schema is not one.
    #[cfg(feature = "json-schema")]
    pub(crate) fn raw(schema: Value) -> Result<Self> {
        let is_object = is_object(&schema);
        let parameters = if is_object { schema } else { enveloped(schema) };
        let checker = crate::tool::SchemaCheck::new(FINISH, parameters.clone())?;
        let check = move |text: &str| {
            let value = checker.check(text)?;
            Ok(if is_object { value } else { opened(value) })
        };
        Ok(Self { parameters, check: Box::new(check) })
    }

    /// The result in `arguments`, the text of a JSON object.
    ///
    /// # Errors
    /// What is wrong with it, for the model.
    pub(crate) fn check(&self, arguments: &str) -> Result<Value> {
        (self.check)(arguments)
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object")
}

fn opened(mut envelope: Value) -> Value {
    envelope.get_mut("result").map(Value::take).unwrap_or_default()
}

/// The schema of an object whose property `result` has the schema `inner`.
#[cfg(feature = "json-schema")]
fn enveloped(mut inner: Value) -> Value {
    move_references(&mut inner);
    serde_json::json!({
        "type": "object",
        "properties": {"result": inner},
        "required": ["result"],
        "additionalProperties": false,
    })
}

/// References count from the root of a schema, which is now further up.
#[cfg(feature = "json-schema")]
fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(rest) =
                            target.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'))
                        {
                            *target = format!("#/properties/result{rest}");
                        }
                    }
                    value => move_references(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(move_references),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    struct Tree {
        #[expect(dead_code, reason = "only its schema counts")]
        children: Vec<Tree>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema counts")]
    enum Verdict {
        Good,
        Bad { why: String },
    }

    #[test]
    fn objects_are_taken_as_they_are_and_anything_else_travels_in_one() {
        assert!(Shape::of::<Tree>().parameters["properties"].get("children").is_some());
        for shape in [Shape::of::<Verdict>(), Shape::of::<u8>(), Shape::of::<Vec<Tree>>(), Shape::of::<Option<Tree>>()]
        {
            assert_eq!(shape.parameters["type"], "object");
            assert_eq!(shape.parameters["required"], json!(["result"]));
        }
        assert_eq!(Shape::of::<u8>().check(r#"{"result":"7"}"#).unwrap(), 7);
        for bad in ["{}", r#"{"result":700}"#, r#"{"result":7,"more":1}"#, "7"] {
            assert!(Shape::of::<u8>().check(bad).unwrap_err().to_string().contains(bad), "{bad}");
        }
        let check = |text| Shape::of::<Verdict>().check(text);
        assert_eq!(check(r#"{"result":{"Bad":{"why":"x"}}}"#).unwrap(), json!({"Bad": {"why": "x"}}));
        assert_eq!(Shape::of::<Option<Tree>>().check(r#"{"result":null}"#).unwrap(), Value::Null);
        assert!(Shape::of::<Option<Tree>>().check("{}").is_err());
    }

    #[cfg(feature = "json-schema")]
    #[test]
    fn a_raw_schema_keeps_its_references_in_an_envelope() {
        let list = json!({
            "type": "array",
            "items": {"$ref": "#/$defs/item"},
            "$defs": {"item": {"anyOf": [{"type": "integer", "minimum": 1}, {"$ref": "#"}]}},
        });
        let shape = Shape::raw(list).unwrap();
        assert_eq!(shape.check(r#"{"result":[1,[2,[]]]}"#).unwrap(), json!([1, [2, []]]));
        assert!(shape.check(r#"{"result":[1,[0]]}"#).is_err());
        let strict = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": false});
        let shape = Shape::raw(strict).unwrap();
        assert_eq!(shape.check(r#"{"a":1}"#).unwrap(), json!({"a": 1}));
        assert!(shape.check(r#"{"result":{"a":1}}"#).is_err());
        assert!(Shape::raw(json!({"type": "nonsense"})).is_err());
    }
}
