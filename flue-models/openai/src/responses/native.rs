//! What this codec keeps in native items, by kind.

/// A complete reasoning item: a JSON object.
pub(super) const REASONING_ITEM: &str = "reasoning_item";

/// What a message wants back beside its text: a JSON object with `id` and, where it has one, `phase`.
pub(super) const MESSAGE: &str = "message";

/// The id of a function call's item.
pub(super) const FUNCTION_CALL: &str = "function_call";

/// A complete item of another type: a JSON object.
pub(super) const OUTPUT_ITEM: &str = "output_item";
