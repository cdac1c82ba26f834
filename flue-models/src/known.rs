//! What is known of models without asking, as the catalogues of the providers have it.

use flue_core::model::{Price, ThinkingLevel};

use crate::backend::BACKENDS;

/// The models of a provider that are known. Others open too, with what their provider is known for.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct KnownModels {
    /// The models, by id.
    pub models: Vec<KnownModel>,
    /// When the data was made: `2026-11-10`.
    pub as_of: Option<String>,
}

/// What is known of a model. What is not known is `None`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct KnownModel {
    /// Its id, as the provider takes it: what stands after the slash.
    pub id: String,
    /// Its name for people; of a script, what it does.
    pub name: String,
    /// The most tokens that a request and its answer may have.
    pub context_window: Option<u64>,
    /// The most tokens that an answer may have.
    pub max_output: Option<u64>,
    /// Whether it takes images.
    pub images: bool,
    /// Whether it reasons.
    pub reasoning: bool,
    /// The levels of thinking that it has, least first.
    pub thinking: Vec<ThinkingLevel>,
    /// What tokens cost.
    pub price: Option<Price>,
    /// How it differs from the other models of its provider, as JSON for its codec.
    pub compat: Option<String>,
}

/// The models of `provider` that are known; none for a server of one's own, which may have any. `None` for a provider that
/// is not built in.
pub fn known_models(provider: &str) -> Option<KnownModels> {
    let backend = BACKENDS.iter().find(|backend| backend.providers.contains(&provider))?;
    Some((backend.built_in.as_ref()?.known)(provider))
}

#[cfg(feature = "scripted")]
impl KnownModel {
    /// A script, of which there is no more to know than what it does.
    pub(crate) fn script(id: &str, what: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: what.to_owned(),
            context_window: None,
            max_output: None,
            images: false,
            reasoning: false,
            thinking: Vec::new(),
            price: None,
            compat: None,
        }
    }
}

#[cfg(any(feature = "anthropic", feature = "bedrock", feature = "google", feature = "openai"))]
impl KnownModels {
    /// The models that `catalog` has of `provider`.
    pub(crate) fn of(catalog: &flue_models_kit::Catalog, provider: &str) -> Self {
        let model = |entry: flue_models_kit::Entry| KnownModel {
            thinking: entry.levels().into_iter().map(|(level, _)| level).collect(),
            price: entry.price(),
            compat: entry.compat.as_ref().map(|json| json.get().to_owned()),
            id: entry.id,
            name: entry.name,
            context_window: entry.context,
            max_output: entry.output,
            images: entry.images,
            reasoning: entry.reasoning,
        };
        let models = catalog.entries(provider).map(model).collect();
        Self { models, as_of: catalog.source().map(|source| source.generated) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_known_and_the_rest_is_not() {
        assert_eq!(known_models("nobody"), None);
        for backend in BACKENDS {
            for provider in backend.providers {
                let known = known_models(provider);
                assert_eq!(known.is_some(), backend.built_in.is_some(), "{provider}");
                let own_server = ["ollama", "lmstudio", "vllm", "llamacpp"].contains(provider);
                let empty = known.is_none_or(|known| known.models.is_empty());
                assert_eq!(empty, own_server || backend.built_in.is_none(), "{provider}");
            }
        }
    }

    #[cfg(feature = "anthropic")]
    #[test]
    fn a_model_comes_with_limits_prices_and_levels() {
        let known = known_models("anthropic").unwrap();
        let haiku = known.models.iter().find(|model| model.id == "claude-haiku-5-5").unwrap();
        assert_eq!((haiku.context_window, haiku.max_output), (Some(1_000_000), Some(128_000)));
        assert!(haiku.images && haiku.reasoning && !haiku.thinking.contains(&ThinkingLevel::Minimal));
        assert_eq!(haiku.thinking.last(), Some(&ThinkingLevel::Max));
        assert_eq!(haiku.price.as_ref().map(|price| (price.input, price.tiers.len())), Some((0.1, 1)));
        assert!(known.as_of.unwrap().starts_with("20"));
    }
}
