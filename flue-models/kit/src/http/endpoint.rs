//! Where a provider is, and what it is told of who asks.

use std::fmt;

use flue_core::{Error, ErrorKind, Result};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::Secret;

/// Headers that carry credentials. A request has one of them at most.
const CREDENTIAL_HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// The shortest text that is looked for, and blanked, in errors: shorter ones hide nothing and are found everywhere.
const SHORTEST_SECRET: usize = 6;

/// How requests are authenticated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all: a server on this machine.
    None,
    /// `authorization: Bearer …`.
    Bearer(Secret),
    /// The key in a header of its own.
    Header(&'static str, Secret),
}

/// A provider's address with credentials and extra headers. Debug shows none of their values.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    key_name: Option<&'static str>,
}

impl Endpoint {
    /// The API at `base_url`, an `http://` or `https://` URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another kind of URL, and for a key that cannot be sent in a header.
    pub fn new(base_url: &str, auth: Auth) -> Result<Self> {
        let bad = |why: String| Error::new(ErrorKind::Config, "set the base URL", why);
        let base = Url::parse(base_url.trim()).map_err(|error| bad(format!("it is not a URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("it has to begin with http:// or https:// and name a host".to_owned()));
        }
        let mut endpoint = Self { base, headers: HeaderMap::new(), secrets: Vec::new(), key_name: None };
        endpoint.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match auth {
            Auth::None => {}
            Auth::Bearer(key) => {
                endpoint.insert(AUTHORIZATION, &format!("Bearer {}", key.expose()))?;
                endpoint.secrets.push(key);
            }
            Auth::Header(name, key) => {
                endpoint.insert(HeaderName::from_static(name), key.expose())?;
                endpoint.secrets.push(key);
            }
        }
        Ok(endpoint)
    }

    /// Adds a header, or replaces the one of that name. A header with credentials replaces those of the endpoint.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a name or value that HTTP does not allow.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::new(ErrorKind::Config, "set a header", "its name is not allowed").with("name", name))?;
        if CREDENTIAL_HEADERS.contains(&name.as_str()) {
            for credential in CREDENTIAL_HEADERS {
                self.headers.remove(credential);
            }
        }
        self.insert(name, value)?;
        self.secrets.push(Secret::new(value));
        Ok(self)
    }

    /// Names the variable that the key came from, for errors about it.
    #[must_use]
    pub fn key_name(mut self, variable: &'static str) -> Self {
        self.key_name = Some(variable);
        self
    }

    /// The address of the API, without credentials that may stand in it.
    pub fn base_url(&self) -> String {
        let mut shown = self.base.clone();
        // Fails for URLs that have no host, which are refused above.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.into()
    }

    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// `error` with what its receiver needs to know of the endpoint, and without what nobody may.
    pub(super) fn dress(&self, mut error: Error) -> Error {
        if error.kind() == ErrorKind::Authentication
            && let Some(variable) = self.key_name
        {
            error = error.with("key_from", variable);
        }
        let text = format!("{error:#}");
        let leaked = |secret: &&Secret| secret.expose().len() >= SHORTEST_SECRET && text.contains(secret.expose());
        if !self.secrets.iter().any(|secret| leaked(&secret)) {
            return error;
        }
        let blank = |text: &str| {
            self.secrets
                .iter()
                .filter(leaked)
                .fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
        };
        let mut clean = Error::new(error.kind(), error.operation().to_owned(), blank(error.message()));
        for (name, value) in error.context() {
            clean = clean.with(name, blank(value));
        }
        clean.with_retry(error.retry())
    }

    fn insert(&mut self, name: HeaderName, value: &str) -> Result<()> {
        let mut sent = HeaderValue::from_str(value.trim()).map_err(|_| {
            Error::new(ErrorKind::Config, "set a header", "its value has characters that HTTP does not allow")
                .with("name", &name)
        })?;
        sent.set_sensitive(true);
        self.headers.insert(name, sent);
        Ok(())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Endpoint").field("base_url", &self.base_url()).field("headers", &names).finish()
    }
}
