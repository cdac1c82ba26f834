//! What is known of Claude models without asking.

use flue_core::model::{ModelInfo, Price};

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThinkingStyle {
    /// Not at all: it does not think, or nothing is known of how.
    Never,
    /// By a number of tokens: models before Claude 4.6.
    Budget,
    /// By an effort, the model choosing how much that is: Claude 4.6 and later.
    Adaptive {
        /// Whether it has the effort `xhigh` above `high`.
        xhigh: bool,
        /// Whether it can be told not to think. One that cannot is given the least effort.
        can_stop: bool,
    },
}

/// What an application knows better about a model than the built-in table. What is `None` is left as it is.
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

const LEVELS: ThinkingStyle = ThinkingStyle::Adaptive { xhigh: true, can_stop: true };
const ALWAYS: ThinkingStyle = ThinkingStyle::Adaptive { xhigh: true, can_stop: false };
const NO_XHIGH: ThinkingStyle = ThinkingStyle::Adaptive { xhigh: false, can_stop: true };

/// Id, context window, longest output, prices (input, output, cache read, cache write), thinking. Limits and prices as the
/// catalogue of `@earendil-works/pi-ai` 1.5.2 (MIT) has them from Anthropic's model pages, November 2026. The price of a
/// model whose price depends on the length of the input is left out.
type Row = (&'static str, u64, u64, Option<[f64; 4]>, ThinkingStyle);
const MODELS: &[Row] = &[
    ("claude-fable-5", 1_000_000, 128_000, Some([10.0, 50.0, 1.0, 12.5]), ALWAYS),
    ("claude-fable-5-1", 1_000_000, 128_000, Some([10.0, 50.0, 0.25, 12.5]), ALWAYS),
    ("claude-fable-5-2", 1_000_000, 128_000, Some([8.0, 40.0, 0.2, 10.0]), ALWAYS),
    ("claude-haiku-4-5", 200_000, 64_000, Some([1.0, 5.0, 0.1, 1.25]), ThinkingStyle::Budget),
    ("claude-haiku-5-5", 1_000_000, 128_000, None, LEVELS),
    ("claude-opus-4-5", 200_000, 64_000, Some([5.0, 25.0, 0.5, 6.25]), ThinkingStyle::Budget),
    ("claude-opus-4-6", 1_000_000, 128_000, Some([5.0, 25.0, 0.5, 6.25]), NO_XHIGH),
    ("claude-opus-4-7", 1_000_000, 128_000, Some([5.0, 25.0, 0.5, 6.25]), LEVELS),
    ("claude-opus-4-8", 1_000_000, 128_000, Some([5.0, 25.0, 0.5, 6.25]), LEVELS),
    ("claude-opus-5", 1_000_000, 128_000, Some([5.0, 25.0, 0.5, 6.25]), LEVELS),
    ("claude-opus-5-5", 1_000_000, 128_000, Some([4.0, 20.0, 0.2, 5.0]), ALWAYS),
    ("claude-sonnet-4-5", 200_000, 64_000, Some([3.0, 15.0, 0.3, 3.75]), ThinkingStyle::Budget),
    ("claude-sonnet-4-6", 1_000_000, 128_000, Some([3.0, 15.0, 0.3, 3.75]), NO_XHIGH),
    ("claude-sonnet-5", 1_000_000, 128_000, Some([2.0, 10.0, 0.2, 2.5]), LEVELS),
    ("claude-sonnet-5-5", 1_000_000, 128_000, Some([2.0, 10.0, 0.1, 2.5]), ALWAYS),
];

/// Claude models that are not in the table and older than effort, by how their ids begin.
const BY_BUDGET: &[&str] =
    &["claude-3-7", "claude-opus-4-0", "claude-opus-4-1", "claude-opus-4-2", "claude-sonnet-4-0", "claude-sonnet-4-2"];
const WITHOUT_THINKING: &[&str] = &["claude-3", "claude-2", "claude-instant"];

/// What is known of `model`, in the words of `provider` and `api`.
pub(crate) fn lookup(provider: &str, api: &str, model: &str, options: &ModelOptions) -> (ModelInfo, ThinkingStyle) {
    let mut info = ModelInfo::new(provider, api, model);
    let row = MODELS.iter().find(|(id, ..)| *id == undated(model));
    if let Some((_, window, output, price, _)) = row {
        info.context_window = Some(*window);
        info.max_output = Some(*output);
        info.price = price.map(|[input, output, read, write]| Price::new(input, output, read, write));
    }
    let thinking = options.thinking.unwrap_or_else(|| row.map_or_else(|| guess(model), |row| row.4));
    info.images = options.images.unwrap_or(model.starts_with("claude-"));
    info.reasoning = thinking != ThinkingStyle::Never;
    info.context_window = options.context_window.or(info.context_window);
    info.max_output = options.max_output.or(info.max_output);
    info.price = options.price.or(info.price);
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
        // A Claude of tomorrow: whatever it can, it takes the efforts that all have.
        ThinkingStyle::Adaptive { xhigh: false, can_stop: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(model: &str) -> ThinkingStyle {
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
        assert_eq!(find("claude-opus-5-5").price.map(|price| price.input), Some(4.0));
    }

    #[test]
    fn an_unknown_model_is_guessed_by_its_family_and_has_no_made_up_limits() {
        assert_eq!(style("claude-3-5-haiku-20241022"), ThinkingStyle::Never);
        assert_eq!(style("claude-3-7-sonnet-20250219"), ThinkingStyle::Budget);
        assert_eq!(style("claude-sonnet-4-20250514"), ThinkingStyle::Budget);
        assert_eq!(style("claude-next-9"), ThinkingStyle::Adaptive { xhigh: false, can_stop: false });
        assert_eq!(style("local"), ThinkingStyle::Never);
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
