//! What is known of Gemini models without asking.

use flue_core::model::{ModelInfo, Price, ThinkingLevel};
use flue_models_kit::{Catalog, Entry};

/// The models of `google` and `vertex`.
pub const CATALOG: Catalog = Catalog::new(include_str!("catalog.jsonl"));

/// How a model is told to think.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThinkingStyle {
    /// Not at all: it does not think, or nothing is known of how.
    Never,
    /// By a number of tokens: Gemini 2.5.
    Budget {
        /// The least that it thinks; 0 for a model that can be told not to.
        least: u64,
        /// The most that it thinks.
        most: u64,
    },
    /// By a level: Gemini 3 and later. The levels that it has, least first, with the protocol's words for them.
    Levels(Vec<(ThinkingLevel, String)>),
}

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

/// What is known of `model`, in the words of `provider` and `api`.
pub(crate) fn lookup(provider: &str, api: &str, model: &str, options: &ModelOptions) -> (ModelInfo, ThinkingStyle) {
    let mut info = ModelInfo::new(provider, api, model);
    let entry = CATALOG.find(provider, model).or_else(|| CATALOG.find(crate::PROVIDER, model));
    match &entry {
        Some(entry) => entry.describe(&mut info),
        None => info.images = model.starts_with("gemini-"),
    }
    let thinking = options.thinking.clone().unwrap_or_else(|| style(model, entry.as_ref()));
    info.reasoning = thinking != ThinkingStyle::Never;
    info.images = options.images.unwrap_or(info.images);
    info.context_window = options.context_window.or(info.context_window);
    info.max_output = options.max_output.or(info.max_output);
    info.price = options.price.clone().or(info.price);
    (info, thinking)
}

fn style(model: &str, entry: Option<&Entry>) -> ThinkingStyle {
    match entry {
        Some(entry) if !entry.reasoning => ThinkingStyle::Never,
        Some(entry) if entry.lists_levels() => {
            let levels = entry.levels().into_iter().map(|(level, word)| (level, word.to_uppercase()));
            ThinkingStyle::Levels(levels.collect())
        }
        _ if model.starts_with("gemini-2.5-pro") => ThinkingStyle::Budget { least: 128, most: 32_768 },
        _ if model.starts_with("gemini-2.5") => ThinkingStyle::Budget { least: 0, most: 24_576 },
        // A Gemini of tomorrow: the levels that all of them have.
        None if is_third(model) && model.starts_with("gemini-") => ThinkingStyle::Levels(
            [ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]
                .map(|level| (level, level.name().to_uppercase()))
                .into(),
        ),
        _ => ThinkingStyle::Never,
    }
}

/// Whether `model` is Gemini 3 or later, or a model of somebody else's on Google's platform, which keeps to the same rules.
pub(crate) fn is_third(model: &str) -> bool {
    let Some(rest) = model.strip_prefix("gemini-") else {
        return model.starts_with("claude-") || model.starts_with("gpt-oss-");
    };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    // `gemini-flash-latest` is whatever is newest.
    if digits.is_empty() { rest.ends_with("-latest") } else { digits.parse::<u32>().is_ok_and(|version| version >= 3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(model: &str) -> (ModelInfo, ThinkingStyle) {
        lookup("google", "google-gemini", model, &ModelOptions::default())
    }

    #[test]
    fn the_catalogue_is_looked_at_first() {
        let (info, thinking) = find("gemini-2.5-pro");
        assert_eq!((info.context_window, info.max_output), (Some(1_048_576), Some(65_536)));
        assert_eq!(info.price.map(|price| price.tiers.len()), Some(1));
        assert_eq!(thinking, ThinkingStyle::Budget { least: 128, most: 32_768 });
        let ThinkingStyle::Levels(levels) = find("gemini-3-flash-preview").1 else { panic!("by level") };
        let words: Vec<_> = levels.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words, ["MINIMAL", "LOW", "MEDIUM", "HIGH"]);
        assert_eq!(CATALOG.source().map(|source| source.license), Some("MIT".to_owned()));
    }

    #[test]
    fn an_unknown_model_is_guessed_by_its_family_and_has_no_made_up_limits() {
        let (info, thinking) = find("gemini-9-next");
        assert!(info.images && info.reasoning && matches!(thinking, ThinkingStyle::Levels(_)));
        assert_eq!((info.context_window, info.max_output, info.price), (None, None, None));
        let (info, thinking) = find("tuned");
        assert!(!info.images && !info.reasoning && thinking == ThinkingStyle::Never);
        for (model, third) in
            [("gemini-2.5-pro", false), ("gemini-10-x", true), ("gemini-flash-latest", true), ("gemma-4", false)]
        {
            assert_eq!(is_third(model), third, "{model}");
        }
    }

    #[test]
    fn options_win() {
        let mut options = ModelOptions { images: Some(false), context_window: Some(7), ..ModelOptions::default() };
        options.thinking = Some(ThinkingStyle::Never);
        let (info, _) = lookup("google", "google-gemini", "gemini-2.5-pro", &options);
        assert_eq!((info.images, info.reasoning, info.context_window), (false, false, Some(7)));
    }
}
