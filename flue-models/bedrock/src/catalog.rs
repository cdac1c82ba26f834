//! What is known of Bedrock's models without asking.

use flue_core::model::{ModelInfo, Price};
use flue_models_kit::Catalog;
use flue_models_kit::claude::ThinkingStyle;

/// The models of `bedrock`.
pub const CATALOG: Catalog = Catalog::new(include_str!("catalog.jsonl"));

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
    /// How it is told to think, if it is a Claude.
    pub thinking: Option<ThinkingStyle>,
    /// Whether it is a Claude, which an id or ARN of one's own does not show.
    pub claude: Option<bool>,
}

/// Whose rules a model keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Anthropic's: signatures, cache points, budgets or efforts.
    Claude(ThinkingStyle),
    /// OpenAI's: `reasoning.effort`.
    Gpt,
    /// OpenAI's open models: `reasoning_effort`.
    GptOss,
    /// Nothing is asked of it beyond the protocol.
    Other,
}

/// What is known of `model`, in the words of `provider` and `api`.
pub(crate) fn lookup(provider: &str, api: &str, model: &str, options: &ModelOptions) -> (ModelInfo, Family) {
    let mut info = ModelInfo::new(provider, api, model);
    let entry = CATALOG.find(crate::PROVIDER, model);
    let claude = options.claude.unwrap_or_else(|| model.contains("anthropic.claude"));
    let family = if claude {
        let known = entry.as_ref().map_or(ThinkingStyle::UNKNOWN, ThinkingStyle::of);
        Family::Claude(options.thinking.unwrap_or(known))
    } else if model.contains("openai.gpt-oss") {
        Family::GptOss
    } else if model.contains("openai.gpt-") {
        Family::Gpt
    } else {
        Family::Other
    };
    match &entry {
        Some(entry) => entry.describe(&mut info),
        None => (info.images, info.reasoning) = (claude, family != Family::Other),
    }
    if let Family::Claude(thinking) = family {
        info.reasoning = thinking != ThinkingStyle::Never;
    }
    info.images = options.images.unwrap_or(info.images);
    info.context_window = options.context_window.or(info.context_window);
    info.max_output = options.max_output.or(info.max_output);
    info.price = options.price.clone().or(info.price);
    (info, family)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(model: &str) -> Family {
        lookup("bedrock", "bedrock-converse", model, &ModelOptions::default()).1
    }

    #[test]
    fn a_model_is_known_by_its_id_with_its_region() {
        for (model, expected) in [
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", Family::Claude(ThinkingStyle::Budget)),
            (
                "global.anthropic.claude-sonnet-4-6",
                Family::Claude(ThinkingStyle::Adaptive { xhigh: false, max: true, can_stop: true }),
            ),
            ("us.anthropic.claude-next-v1:0", Family::Claude(ThinkingStyle::UNKNOWN)),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("global.openai.gpt-6-sol", Family::Gpt),
            ("amazon.nova-pro-v1:0", Family::Other),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
        let options = ModelOptions { claude: Some(true), max_output: Some(7), ..ModelOptions::default() };
        let arn = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x";
        let (info, family) = lookup("bedrock", "bedrock-converse", arn, &options);
        assert!(matches!(family, Family::Claude(_)) && info.images && info.reasoning && info.max_output == Some(7));
    }
}
