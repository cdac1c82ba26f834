//! The Gemini API as a provider: an address, a key, and models by name.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret};

use crate::{Gemini, ModelOptions};

/// The name of this provider: `google/gemini-3.5-flash`.
pub const PROVIDER: &str = "google";
/// Where the API is, version included.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
/// The variable with the API key.
pub const KEY_VARIABLE: &str = "GEMINI_API_KEY";
/// The variable with the key that is looked at when the first is not set.
pub const OTHER_KEY_VARIABLE: &str = "GOOGLE_API_KEY";
/// The variable with another address.
pub const URL_VARIABLE: &str = "GOOGLE_GEMINI_BASE_URL";

/// The version that is added to an address without a path.
const VERSION: &str = "/v1beta";

/// Opens Gemini models. Clones, and the models opened, share one pool of connections.
#[derive(Debug, Clone)]
pub struct Google {
    access: Access,
}

impl Google {
    /// With an API key.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self::with_auth(Auth::Header("x-goog-api-key", key.into()))
    }

    /// Without a key, for a server of one's own.
    pub fn keyless() -> Self {
        Self::with_auth(Auth::None)
    }

    fn with_auth(auth: Auth) -> Self {
        Self { access: Access::new(PROVIDER, KEY_VARIABLE, BASE_URL, auth) }
    }

    /// With the key and the address that the environment has.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it has no key.
    pub fn from_env() -> Result<Self> {
        Self::with_env(&|variable| std::env::var(variable).ok())
    }

    /// As [`Google::from_env`], from variables that `env` looks up.
    ///
    /// # Errors
    /// As [`Google::from_env`].
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |variable: &str| env(variable).filter(|value| !value.trim().is_empty());
        let keys = [KEY_VARIABLE, OTHER_KEY_VARIABLE];
        let found = keys.iter().find_map(|name| Some((*name, given(name)?)));
        // One that is set and empty is told when a model is opened.
        let found = found.or_else(|| keys.iter().find_map(|name| Some((*name, env(name)?))));
        let Some((variable, key)) = found else {
            return Err(Error::new(
                ErrorKind::Config,
                "open model",
                format!("there is no key for Google: set {KEY_VARIABLE}, or {OTHER_KEY_VARIABLE}"),
            ));
        };
        let google = Self::new(key);
        let google = Self { access: google.access.key_from(variable) };
        Ok(match given(URL_VARIABLE) {
            Some(url) => google.base_url(url),
            None => google,
        })
    }

    /// Another address. One without a path gets the version that this protocol is written for.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        let url = url.trim().trim_end_matches('/');
        let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        self.access = self.access.base_url(if has_path { url.to_owned() } else { format!("{url}{VERSION}") });
        self
    }

    /// Another header. One with credentials replaces the key.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.access = self.access.header(name, value);
        self
    }

    /// Shares a pool of connections with other providers.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.access = self.access.http(http);
        self
    }

    /// Opens a model by its id. Ids that are not known work.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty id or key, and for an address or header that cannot be used.
    pub fn model(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.model_with(id, &ModelOptions::default())
    }

    /// As [`Google::model`], knowing more about the model than the catalogue.
    ///
    /// # Errors
    /// As [`Google::model`].
    pub fn model_with(&self, id: &str, options: &ModelOptions) -> Result<Arc<dyn Model>> {
        self.access.open(Gemini::new(PROVIDER, id, options))
    }
}
