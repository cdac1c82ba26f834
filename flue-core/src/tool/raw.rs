//! Tools whose arguments are described by a raw JSON Schema.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::{DynTool, PreparedCall, ToolContext, ToolOutput, arguments};
use crate::model::ToolSpec;
use crate::{Error, ErrorKind, Result};

/// The most problems that one error lists.
const MAX_PROBLEMS: usize = 8;
/// The most bytes of one problem, which repeats what is wrong and where.
const MAX_PROBLEM_BYTES: usize = 240;

type Running = Pin<Box<dyn Future<Output = Result<ToolOutput>> + Send>>;
type Handler = dyn Fn(Value, ToolContext) -> Running + Send + Sync;

/// A tool with a schema that is known only at run time. Arguments are validated before the handler sees them.
pub struct RawTool {
    description: String,
    check: SchemaCheck,
    handler: Box<Handler>,
}

impl RawTool {
    /// A tool that runs `handler` on arguments that are valid by the JSON Schema `parameters`. The schema reaches the model
    /// unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the schema is not one.
    pub fn new<F, R>(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: Value,
        handler: F,
    ) -> Result<Self>
    where
        F: Fn(Value, ToolContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<ToolOutput>> + Send + 'static,
    {
        let check = SchemaCheck::new(name, parameters)?;
        let handler = Box::new(move |arguments, cx| Box::pin(handler(arguments, cx)) as Running);
        Ok(Self { description: description.into(), check, handler })
    }
}

/// Holds arguments against a JSON Schema.
pub(crate) struct SchemaCheck {
    tool: String,
    schema: Value,
    validator: jsonschema::Validator,
}

impl SchemaCheck {
    /// A check of the arguments of `tool`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the schema is not one.
    pub(crate) fn new(tool: impl Into<String>, schema: Value) -> Result<Self> {
        let tool = tool.into();
        let validator = jsonschema::validator_for(&schema).map_err(|error| {
            Error::new(
                ErrorKind::Config,
                "define tool",
                format!("the schema is not valid: {}", shortened(&error.to_string())),
            )
            .with("tool", &tool)
        })?;
        Ok(Self { tool, schema, validator })
    }

    /// The arguments, with harmless slips mended.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], with what is wrong and where, for the model.
    pub(crate) fn check(&self, text: &str) -> Result<Value> {
        let invalid = |why: &str| arguments::invalid(&self.tool, text, why);
        let mut value: Value = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        if !self.validator.is_valid(&value) {
            arguments::mend(&mut value, &self.schema);
        }
        let problems: Vec<String> = self
            .validator
            .iter_errors(&value)
            .take(MAX_PROBLEMS)
            .map(|error| {
                let text = error.to_string();
                match error.instance_path().to_string() {
                    path if path.is_empty() => shortened(&text).into_owned(),
                    path => format!("{} (at {})", shortened(&text), shortened(&path)),
                }
            })
            .collect();
        if problems.is_empty() { Ok(value) } else { Err(invalid(&problems.join("; "))) }
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    arguments::shortened(text, MAX_PROBLEM_BYTES)
}

impl DynTool for RawTool {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.check.tool.clone(),
            description: self.description.clone(),
            parameters: self.check.schema.clone(),
        }
    }

    fn prepare(self: Arc<Self>, arguments: &str, cx: ToolContext) -> Result<PreparedCall> {
        let value = self.check.check(arguments)?;
        Ok(PreparedCall::new(async move { (self.handler)(value, cx).await }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> RawTool {
        let schema = json!({
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 1}, "s": {"type": "string"}},
            "required": ["n"],
            "additionalProperties": false,
        });
        RawTool::new("t", "d", schema, |_, _| async { Ok(ToolOutput::text("ran")) }).unwrap()
    }

    #[test]
    fn arguments_are_validated_and_slips_mended() {
        assert_eq!(tool().check.check(r#"{"n":"2"}"#).unwrap(), json!({"n": 2}));
        for bad in ["{", "{}", r#"{"n":0}"#, r#"{"n":1,"x":2}"#, r#"{"n":[1]}"#] {
            assert_eq!(tool().check.check(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        let text = tool().check.check(r#"{"n":0,"s":1.5}"#).unwrap_err().to_string();
        assert!(text.contains("(at /n)") && text.contains("Received:"), "{text}");
    }

    #[test]
    fn an_error_is_short_whatever_was_sent() {
        let long = "z".repeat(1 << 20);
        for bad in [format!(r#"{{"n":["{long}"]}}"#), format!(r#"{{"n":1,"{long}":2}}"#), format!("{{\"n\":{long}}}")] {
            let error = tool().check.check(&bad).unwrap_err();
            assert!(error.message().len() < 5000, "{} bytes", error.message().len());
        }
        let error = tool().check.check(&format!(r#"{{"n":["{long}"],"s":["{long}"]}}"#)).unwrap_err();
        assert!(error.message().contains("(at /n)") && error.message().contains("(at /s)"), "{error}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        let made = RawTool::new("t", "d", json!({"type": "nonsense"}), |_, _| async { Ok(ToolOutput::text("")) });
        assert_eq!(made.err().unwrap().kind(), ErrorKind::Config);
    }
}
