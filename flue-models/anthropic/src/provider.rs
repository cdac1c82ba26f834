//! Anthropic as a provider: an address, a key, and models by name.

use std::env;
use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret};

use crate::{Messages, ModelOptions};

/// The name of this provider: `anthropic/claude-sonnet-4-6`.
pub const PROVIDER: &str = "anthropic";
/// Where the API is.
pub const BASE_URL: &str = "https://api.anthropic.com";
/// The variable with the API key.
pub const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";
/// The variable with a bearer token, looked at when there is no key.
pub const TOKEN_VARIABLE: &str = "ANTHROPIC_AUTH_TOKEN";
/// The variable with another address.
pub const URL_VARIABLE: &str = "ANTHROPIC_BASE_URL";

/// Opens Claude models. Clones, and the models opened, share one pool of connections.
#[derive(Debug, Clone)]
pub struct Anthropic {
    access: Access,
    betas: Vec<String>,
}

impl Anthropic {
    /// With an API key.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self::with_auth(Auth::Header("x-api-key", key.into()))
    }

    /// With a bearer token, as gateways want it.
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self::with_auth(Auth::Bearer(token.into()))
    }

    /// Without a key, for a server of one's own.
    pub fn keyless() -> Self {
        Self::with_auth(Auth::None)
    }

    /// With the key, or the token, and the address that the environment has.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it has neither key nor token.
    pub fn from_env() -> Result<Self> {
        Self::with_env(&|variable| env::var(variable).ok())
    }

    /// As [`Anthropic::from_env`], from variables that `env` looks up.
    ///
    /// # Errors
    /// As [`Anthropic::from_env`].
    pub fn with_env(set: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut anthropic = match (set(KEY_VARIABLE), set(TOKEN_VARIABLE)) {
            (Some(key), token) if !key.trim().is_empty() || token.is_none() => Self::new(key).key_from(KEY_VARIABLE),
            (_, Some(token)) => Self::bearer(token).key_from(TOKEN_VARIABLE),
            _ => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "open model",
                    format!("there is no key for Anthropic: set {KEY_VARIABLE}, or {TOKEN_VARIABLE} for a token"),
                ));
            }
        };
        if let Some(url) = set(URL_VARIABLE).filter(|url| !url.trim().is_empty()) {
            anthropic = anthropic.base_url(url);
        }
        Ok(anthropic)
    }

    fn with_auth(auth: Auth) -> Self {
        Self { access: Access::new(PROVIDER, KEY_VARIABLE, BASE_URL, auth), betas: Vec::new() }
    }

    fn key_from(mut self, variable: &'static str) -> Self {
        self.access = self.access.key_from(variable);
        self
    }

    /// Another address, without `/v1`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.access = self.access.base_url(url);
        self
    }

    /// Another header. One with credentials replaces the key; one of the protocol's own, such as
    /// `anthropic-beta`, is sent as given here.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.access = self.access.header(name, value);
        self
    }

    /// A feature in its trial phase: a name for the `anthropic-beta` header.
    #[must_use]
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
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

    /// As [`Anthropic::model`], knowing more about the model than the built-in table.
    ///
    /// # Errors
    /// As [`Anthropic::model`].
    pub fn model_with(&self, id: &str, options: &ModelOptions) -> Result<Arc<dyn Model>> {
        // Both forms are in use for this variable; the protocol's paths begin with /v1 themselves.
        let base = self.access.address().trim().trim_end_matches('/');
        let access = self.access.clone().base_url(base.strip_suffix("/v1").unwrap_or(base));
        access.open(self.betas.iter().fold(Messages::new(PROVIDER, id, options), |codec, beta| codec.beta(beta)))
    }
}
