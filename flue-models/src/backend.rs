//! The features and what each brings, built in or not.

#[cfg(feature = "anthropic")]
mod anthropic;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "bedrock")]
mod bedrock;
#[cfg(feature = "google")]
mod google;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "scripted")]
mod scripted;

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::Model;

use crate::{KnownModels, Models, OpenOptions, Provider};

/// A feature.
pub(crate) struct Backend {
    pub(crate) feature: &'static str,
    /// The names of its providers.
    pub(crate) providers: &'static [&'static str],
    /// What it does, if it is built in.
    pub(crate) built_in: Option<BuiltIn>,
}

pub(crate) struct BuiltIn {
    /// Opens a model of one of its providers.
    pub(crate) open: fn(Request<'_>) -> Result<Arc<dyn Model>>,
    /// Its providers, in the order of their names above.
    pub(crate) list: fn() -> Vec<Provider>,
    /// What is known of the models of one of its providers.
    pub(crate) known: fn(&str) -> KnownModels,
}

/// A model to open.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "openai"), expect(dead_code, reason = "the other features need less to open a model"))]
pub(crate) struct Request<'a> {
    pub(crate) models: &'a Models,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) options: &'a OpenOptions,
}

macro_rules! built_in {
    ($feature:literal, $module:ident $(:: $inner:ident)?) => {{
        #[cfg(feature = $feature)]
        let built_in = Some(BuiltIn {
            open: $module $(:: $inner)? ::open,
            list: $module $(:: $inner)? ::list,
            known: $module $(:: $inner)? ::known,
        });
        #[cfg(not(feature = $feature))]
        let built_in = None;
        built_in
    }};
}

pub(crate) const BACKENDS: &[Backend] = &[
    Backend { feature: "anthropic", providers: &["anthropic"], built_in: built_in!("anthropic", anthropic) },
    Backend {
        feature: "openai",
        providers: &[
            "openai",
            "openai-chat",
            "openrouter",
            "groq",
            "deepseek",
            "mistral",
            "xai",
            "together",
            "fireworks",
            "cerebras",
            "moonshot",
            "zai",
            "ollama",
            "lmstudio",
            "vllm",
            "llamacpp",
        ],
        built_in: built_in!("openai", openai),
    },
    Backend { feature: "azure", providers: &["azure"], built_in: built_in!("azure", azure) },
    Backend { feature: "bedrock", providers: &["bedrock"], built_in: built_in!("bedrock", bedrock) },
    Backend { feature: "google", providers: &["google"], built_in: built_in!("google", google) },
    Backend { feature: "vertex", providers: &["vertex"], built_in: built_in!("vertex", google::vertex) },
    Backend { feature: "scripted", providers: &["scripted"], built_in: built_in!("scripted", scripted) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_feature_lists_is_what_it_is_known_for() {
        for Backend { feature, providers, built_in } in BACKENDS {
            if let Some(built_in) = built_in {
                let listed: Vec<&str> = (built_in.list)().iter().map(|provider| provider.name).collect();
                assert_eq!(listed, *providers, "{feature}");
            }
        }
    }
}
