//! What a provider's builder gathers before it opens models.

use std::fmt;
use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};

use super::endpoint::is_credential;
use super::{Auth, Endpoint, Http, HttpModel};
use crate::{Codec, Secret};

/// An address, credentials, headers and a pool of connections: all that a codec needs to become a model.
#[derive(Clone)]
pub struct Access {
    provider: &'static str,
    /// Where the key usually comes from.
    key_variable: &'static str,
    /// Where it did come from.
    key_from: Option<&'static str>,
    auth: Auth,
    base_url: String,
    headers: Vec<(String, Secret)>,
    http: Http,
}

impl Access {
    /// To `provider`, whose keys are usually in `key_variable`.
    pub fn new(provider: &'static str, key_variable: &'static str, base_url: impl Into<String>, auth: Auth) -> Self {
        let base_url = base_url.into();
        Self { provider, key_variable, key_from: None, auth, base_url, headers: Vec::new(), http: Http::default() }
    }

    /// Names the variable that the key came from.
    #[must_use]
    pub fn key_from(mut self, variable: &'static str) -> Self {
        self.key_from = Some(variable);
        self
    }

    /// Sets how requests are authenticated.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sets the address.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The address as it is set.
    pub fn address(&self) -> &str {
        &self.base_url
    }

    /// Adds a header to every request. One with credentials takes the place of the key.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Shares a pool of connections.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// The model that `codec` speaks for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty id or key, and for an address or header that cannot be used.
    pub fn open(&self, codec: impl Codec) -> Result<Arc<dyn Model>> {
        let bad = |why: String| Err(Error::new(ErrorKind::Config, "open model", why).with("provider", self.provider));
        if codec.info().origin.model.trim().is_empty() {
            return bad("the name of the model is empty".to_owned());
        }
        if let Auth::Header(_, key) | Auth::Bearer(key) = &self.auth
            && key.is_empty()
            && !self.headers.iter().any(|(name, _)| is_credential(name))
        {
            return bad(match self.key_from {
                Some(variable) => format!("{variable} is set and empty: give it the key, or unset it"),
                None => format!("the key is empty; {} is where it usually comes from", self.key_variable),
            });
        }
        let mut endpoint = Endpoint::new(&self.base_url, self.auth.clone())?;
        for (name, value) in &self.headers {
            endpoint = endpoint.header(name, value.expose())?;
        }
        if let Some(variable) = self.key_from {
            endpoint = endpoint.key_name(variable);
        }
        Ok(Arc::new(HttpModel::new(codec, endpoint, self.http.clone())))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("provider", &self.provider)
            .field("auth", &self.auth)
            // Without a name and password before the host.
            .field("base_url", &self.base_url.rsplit('@').next())
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
