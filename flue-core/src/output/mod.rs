//! Structured results: what a prompt is to give besides text, and how the model hands it in.
//!
//! The model is offered two more tools, `finish` and `give_up`. What it hands in is checked, and the first result that
//! passes is the prompt's; what does not pass is an error that the model corrects.

mod schema;
mod tools;

use serde::de::DeserializeOwned;
use serde_json::Value;

use schemars::JsonSchema;

pub(crate) use self::schema::Shape;
pub(crate) use self::tools::{FINISH, GIVE_UP, Settled, Verdict};
use crate::prompt::OPERATION;
use crate::{Error, ErrorKind, Result};

/// How often the model is asked for a result in all: once, and then reminded each time it stops without one.
pub const MAX_OUTPUT_ATTEMPTS: u32 = 33;

/// What is added to the text of a prompt that wants a result.
pub(crate) const FOOTER: &str = "\n\nWhen you are done, call the `finish` tool with the result. If it cannot be had, call \
    `give_up` with the reason. Text alone does not count as a result.";

/// What the model is told that stops without a result.
pub(crate) const REMINDER: &str = "You stopped without a result. Call the `finish` tool with it, or `give_up` with the \
    reason why there is none.";

/// What a prompt gives besides text: nothing, or a `T`.
pub(crate) struct Output<T> {
    /// What the model hands in; `None` when only its text is wanted.
    pub(crate) shape: Option<Result<Shape>>,
    /// From what was handed in, `null` when nothing was asked for, to the result.
    pub(crate) decode: fn(Value) -> Result<T>,
}

impl Output<()> {
    pub(crate) fn text() -> Self {
        Self { shape: None, decode: |_| Ok(()) }
    }
}

impl<T: DeserializeOwned + JsonSchema> Output<T> {
    pub(crate) fn typed() -> Self {
        Self { shape: Some(Ok(Shape::of::<T>())), decode: decode::<T> }
    }
}

#[cfg(feature = "json-schema")]
impl Output<Value> {
    pub(crate) fn raw(schema: Value) -> Self {
        Self { shape: Some(Shape::raw(schema)), decode: Ok }
    }
}

/// Checks that `schema` is one that [`Prompt::output_schema`](crate::Prompt::output_schema) takes, before there is a prompt.
///
/// # Errors
/// [`ErrorKind::Config`] when it is none.
#[cfg(feature = "json-schema")]
pub fn check_output_schema(schema: &Value) -> Result<()> {
    Shape::raw(schema.clone()).map(drop)
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        Error::new(ErrorKind::Internal, OPERATION, "the result passed its check and then could not be read")
            .with_source(error)
    })
}

/// The error of a prompt that ends without the result it is for. `said` is the model's last text.
pub(crate) fn unavailable(why: String, reason: &str, said: &str) -> Error {
    /// The most bytes of the model's words that the error repeats.
    const MAX_SAID_BYTES: usize = 1000;
    let error = Error::new(ErrorKind::ResultUnavailable, OPERATION, why).with("reason", reason);
    match said[..said.floor_char_boundary(MAX_SAID_BYTES)].trim() {
        "" => error,
        said => error.with("said", said),
    }
}
