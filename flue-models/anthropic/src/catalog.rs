//! What is known of Claude models without asking.

use flue_core::model::{ModelInfo, Price};
use flue_models_kit::Catalog;
use flue_models_kit::claude::ThinkingStyle;

/// What an application knows better about a model than the catalogue. What is `None` is left as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ModelOptions {
    /// The most tokens that a request and its answer may have.
    pub context_window: Option<u64>,
    /// The most tokens that an answer may have.
    pub max_output: Option<u64>,
    /// What tokens cost.
    pub price: Option<Price>,
    /// Whether it takes images.
    pub images: Option<bool>,
    /// How it is told to think.
    pub thinking: Option<ThinkingStyle>,
}

/// The models of `anthropic`.
pub const CATALOG: Catalog = Catalog::new(include_str!("catalog.jsonl"));

/// Claude models that are not in the catalogue and older than effort, by how their ids begin.
const BY_BUDGET: &[&str] =
    &["claude-3-7", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-sonnet-4-0", "claude-sonnet-4-2"];
const WITHOUT_THINKING: &[&str] = &["claude-3", "claude-2", "claude-instant"];

/// What is known of `model`, in the words of `provider` and `api`.
pub(crate) fn lookup(provider: &str, api: &str, model: &str, options: &ModelOptions) -> (ModelInfo, ThinkingStyle) {
    let mut info = ModelInfo::new(provider, api, model);
    let entry = CATALOG.find(crate::PROVIDER, model).or_else(|| CATALOG.find(crate::PROVIDER, undated(model)));
    match &entry {
        Some(entry) => entry.describe(&mut info),
        None => info.images = model.starts_with("claude-"),
    }
    let thinking = options.thinking.unwrap_or_else(|| entry.as_ref().map_or_else(|| guess(model), ThinkingStyle::of));
    info.images = options.images.unwrap_or(info.images);
    info.reasoning = thinking != ThinkingStyle::Never;
    info.context_window = options.context_window.or(info.context_window);
    info.max_output = options.max_output.or(info.max_output);
    info.price = options.price.clone().or(info.price);
    (info, thinking)
}

/// The id without its date, or without `-latest`.
fn undated(model: &str) -> &str {
    match model.rsplit_once('-') {
        Some((id, "latest")) => id,
        Some((id, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => id,
        _ => model,
    }
}

fn guess(model: &str) -> ThinkingStyle {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if begins(BY_BUDGET) {
        ThinkingStyle::Budget
    } else if begins(WITHOUT_THINKING) || !model.starts_with("claude-") {
        ThinkingStyle::Never
    } else {
        ThinkingStyle::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style_of(model: &str) -> ThinkingStyle {
        lookup("anthropic", "anthropic-messages", model, &ModelOptions::default()).1
    }

    #[test]
    fn dated_and_latest_names_are_the_model() {
        let find = |model| lookup("anthropic", "anthropic-messages", model, &ModelOptions::default()).0;
        for model in ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-latest"] {
            assert_eq!(find(model).context_window, Some(200_000), "{model}");
            assert_eq!(&*find(model).origin.model, model);
        }
        assert_eq!(find("claude-opus-5").price.map(|price| price.input), Some(5.0));
        assert_eq!(find("claude-haiku-5-5").price.map(|price| price.tiers.len()), Some(1));
        assert_eq!(find("claude-opus-5-5").price.map(|price| price.input), Some(4.0));
    }

    #[test]
    fn thinking_is_told_by_the_catalogue() {
        for (model, xhigh, can_stop) in [
            ("claude-sonnet-4-6", false, true),
            ("claude-opus-4-7", true, true),
            ("claude-opus-5-5", true, false),
            ("claude-fable-5", true, false),
        ] {
            assert_eq!(style_of(model), ThinkingStyle::Adaptive { xhigh, max: true, can_stop }, "{model}");
        }
        assert_eq!(style_of("claude-haiku-4-5-20251001"), ThinkingStyle::Budget);
    }

    #[test]
    fn an_unknown_model_is_guessed_by_its_family_and_has_no_made_up_limits() {
        assert_eq!(style_of("claude-3-5-haiku-20241022"), ThinkingStyle::Never);
        assert_eq!(style_of("claude-3-7-sonnet-20250219"), ThinkingStyle::Budget);
        assert_eq!(style_of("claude-sonnet-4-20250514"), ThinkingStyle::Budget);
        assert_eq!(style_of("claude-next-9"), ThinkingStyle::UNKNOWN);
        assert_eq!(style_of("local"), ThinkingStyle::Never);
        let (info, _) = lookup("anthropic", "anthropic-messages", "claude-next-9", &ModelOptions::default());
        assert_eq!((info.context_window, info.max_output, info.price), (None, None, None));
        assert!(info.images && info.reasoning);
    }

    #[test]
    fn options_win_over_the_table() {
        let options = ModelOptions {
            context_window: Some(1),
            images: Some(false),
            thinking: Some(ThinkingStyle::Never),
            ..ModelOptions::default()
        };
        let (info, thinking) = lookup("anthropic", "anthropic-messages", "claude-opus-5", &options);
        assert_eq!((info.context_window, info.max_output), (Some(1), Some(128_000)));
        assert!(!info.images && !info.reasoning && thinking == ThinkingStyle::Never);
    }
}
