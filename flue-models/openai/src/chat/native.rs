//! What this codec keeps in native items, by kind.

/// The name of the field that the reasoning text came in.
pub(super) const REASONING_FIELD: &str = "reasoning_field";

/// The `reasoning_details` of a message: a JSON array.
pub(super) const REASONING_DETAILS: &str = "reasoning_details";

/// The `extra_content` of a tool call: a JSON object.
pub(super) const EXTRA_CONTENT: &str = "extra_content";
