//! The kinds of native items of this protocol.

/// The signature of a part that is a whole block.
pub(crate) const SIGNATURE: &str = "thought_signature";
/// The parts of a block of which some have signatures, as a list of JSON objects without its brackets.
pub(crate) const PARTS: &str = "parts";
/// A part that has no neutral form, as JSON.
pub(crate) const PART: &str = "part";
