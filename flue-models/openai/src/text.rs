//! Texts that both protocols put into requests in the same way.

use flue_core::model::{Image, ToolResult};
use flue_models_kit::{IdRule, Part, parts};

/// What a tool that said nothing said.
const NO_OUTPUT: &str = "(no tool output)";

/// What stands beside images in a result without text.
const SEE_IMAGE: &str = "(see attached image)";

/// What tells that a call failed: neither protocol has a field for it.
const ERROR_PREFIX: &str = "Error: ";

/// Names of tools and of the calls to them. A model may make up any name; the protocols refuse most.
pub(crate) const TOOL_NAMES: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// What a `prompt_cache_key` may look like, by OpenAI's reference.
pub(crate) const CACHE_KEYS: IdRule = IdRule { min: 1, max: 64, punctuation: true };

/// A tool's result: its text, never empty, and its images.
pub(crate) fn result(result: &ToolResult, images: bool) -> (String, Vec<&Image>) {
    let mut text = String::new();
    let mut shown = Vec::new();
    for part in parts(&result.content, images) {
        match part {
            Part::Text(more) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(more);
            }
            Part::Image(image) => shown.push(image),
        }
    }
    if text.is_empty() {
        text.push_str(if shown.is_empty() { NO_OUTPUT } else { SEE_IMAGE });
    }
    if result.is_error && !text.starts_with("Error") {
        text.insert_str(0, ERROR_PREFIX);
    }
    (text, shown)
}

/// The text of a call that was never answered.
pub(crate) fn no_result() -> String {
    format!("{ERROR_PREFIX}{}", flue_models_kit::NO_RESULT)
}

/// The `data:` URL of an image.
pub(crate) fn data_url(image: &Image) -> String {
    format!("data:{};base64,{}", image.media_type, image.data)
}
