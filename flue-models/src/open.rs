//! Models by name.

use std::fmt;
use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
#[cfg(any(feature = "anthropic", feature = "bedrock", feature = "google", feature = "openai"))]
use flue_models_kit::Http;

use crate::backend::{BACKENDS, Request};

const OPERATION: &str = "open model";

/// Opens a model by its name, `provider/model`, as the environment says.
///
/// # Errors
/// [`ErrorKind::Config`] for a name of another form, a provider that is unknown or not built in, and a key that is
/// missing.
pub fn open(spec: &str) -> Result<Arc<dyn Model>> {
    Models::new().open(spec)
}

/// What is said about a provider beside its environment. What is `None` is left to the environment.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The address of the API, as its provider's variable would have it.
    pub base_url: Option<String>,
    /// The key.
    pub api_key: Option<String>,
}

impl OpenOptions {
    /// Sets the address.
    #[must_use]
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the key.
    #[must_use]
    pub fn with_api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        let base_url = self.base_url.as_deref().and_then(|url| url.rsplit('@').next());
        let api_key = self.api_key.as_ref().map(|_| "***");
        f.debug_struct("OpenOptions").field("base_url", &base_url).field("api_key", &api_key).finish()
    }
}

/// Opens models by name. Those opened by one value, or its clones, share their connections.
#[derive(Debug, Clone, Default)]
pub struct Models {
    #[cfg(any(feature = "anthropic", feature = "bedrock", feature = "google", feature = "openai"))]
    pub(crate) http: Http,
}

impl Models {
    /// Without connections yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a model by its name, `provider/model`.
    ///
    /// # Errors
    /// As [`open`].
    pub fn open(&self, spec: &str) -> Result<Arc<dyn Model>> {
        self.open_with(spec, &OpenOptions::default())
    }

    /// As [`Models::open`], with an address or a key of the caller's.
    ///
    /// # Errors
    /// As [`open`]; [`ErrorKind::InvalidInput`] for options that the provider has no use for.
    pub fn open_with(&self, spec: &str, options: &OpenOptions) -> Result<Arc<dyn Model>> {
        let bad = |why: &str| Error::new(ErrorKind::Config, OPERATION, why.to_owned()).with("name", spec);
        let Some((provider, model)) = spec.trim().split_once('/') else {
            return Err(bad("a model is named provider/model, such as anthropic/claude-sonnet-4-6"));
        };
        if provider.is_empty() || model.trim().is_empty() {
            return Err(bad("a model is named provider/model, and neither part may be empty"));
        }
        let Some(backend) = BACKENDS.iter().find(|backend| backend.providers.contains(&provider)) else {
            return Err(bad(&format!("there is no provider {provider:?}; built in are: {}", built_in())));
        };
        let Some(known) = &backend.built_in else {
            return Err(bad(&format!(
                "this provider is not built in; build with the feature `{}`; built in are: {}",
                backend.feature,
                built_in()
            )));
        };
        (known.open)(Request { models: self, provider, model: model.trim(), options })
    }
}

#[cfg(any(feature = "anthropic", feature = "bedrock", feature = "google", feature = "openai"))]
impl OpenOptions {
    /// The variable `name`, or the key that stands in for it.
    pub(crate) fn variable(&self, name: &str, key_variable: &str) -> Option<String> {
        match &self.api_key {
            Some(key) if name == key_variable => Some(key.clone()),
            _ => std::env::var(name).ok(),
        }
    }
}

/// The names of the providers that are built in.
fn built_in() -> String {
    let built_in = BACKENDS.iter().filter(|backend| backend.built_in.is_some());
    let names: Vec<&str> = built_in.flat_map(|backend| backend.providers).copied().collect();
    if names.is_empty() { "none (enable a feature of flue-models)".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
