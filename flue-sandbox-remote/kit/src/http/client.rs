//! Where a provider is, and what it is told of who asks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::request::Request;
use crate::workspace::Secret;

/// How long making a connection may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(20);
/// How long a connection is kept for the next request: shorter than servers and balancers keep it, so that no request is lost in one
/// that was closed a moment ago.
const IDLE_LIMIT: Duration = Duration::from_secs(15);
/// How often a silent connection is asked for a sign of life, by TCP: a reply may be long in coming.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The shortest text that is blanked in errors: shorter ones hide nothing and are found everywhere.
const SHORTEST_SECRET: usize = 6;

/// A client of one address, with its credentials. Clones share their connections.
///
/// It honours the proxy variables of the environment, trusts what the system trusts, and follows no redirects, which would carry
/// credentials elsewhere. There is no limit on the time of a whole request: see [`Request::patient`].
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    headers: HeaderMap,
    secrets: Arc<Vec<Secret>>,
}

impl Http {
    /// The service at `base`, an `http://` or `https://` URL.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another kind of URL, and where no connection can be made secure on this system.
    pub fn new(base: &str) -> Result<Self> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Config, "set up HTTP", "the client cannot be set up on this system")
                .with_source(source)
        };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|tls| tls.with_platform_verifier())
            .map_err(|error| failed(error.into()))?
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("flue/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .pool_idle_timeout(IDLE_LIMIT)
            .tcp_keepalive(KEEP_ALIVE)
            .tcp_keepalive_interval(KEEP_ALIVE)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| failed(error.into()))?;
        Ok(Self { client, base: parse(base)?, headers: HeaderMap::new(), secrets: Arc::default() })
    }

    /// The same client and credentials, for another address of the same service.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no `http://` or `https://` URL.
    pub fn at(&self, base: &str) -> Result<Self> {
        Ok(Self { base: parse(base)?, ..self.clone() })
    }

    /// Sends `authorization: Bearer …` with each request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a key that no header can carry, or an empty one.
    pub fn bearer(self, key: &Secret) -> Result<Self> {
        let value = Secret::new(format!("Bearer {}", key.expose().trim()));
        self.keep(key).header(AUTHORIZATION.as_str(), &value)
    }

    /// Sends a header with each request, whose value nothing shows.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a name or value that no header can have.
    pub fn header(mut self, name: &str, value: &Secret) -> Result<Self> {
        let bad = |why: &'static str| Error::new(ErrorKind::Config, "set a header", why).with("name", name);
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("its name is not allowed"))?;
        let mut sent = HeaderValue::from_str(value.expose().trim())
            .map_err(|_| bad("its value has characters that HTTP does not allow; look at the key"))?;
        sent.set_sensitive(true);
        self.headers.insert(key, sent);
        Ok(self.keep(value))
    }

    fn keep(mut self, secret: &Secret) -> Self {
        Arc::make_mut(&mut self.secrets).push(Secret::new(secret.expose().trim()));
        self
    }

    /// Begins a request. `path` is appended to the address, a segment an item; `operation` is what errors call it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a segment that would lead elsewhere: an empty one, `.` or `..`.
    pub fn request(&self, operation: &'static str, method: Method, path: &[&str]) -> Result<Request> {
        if let Some(odd) = path.iter().find(|segment| ["", ".", ".."].contains(*segment)) {
            let why = "a part of the path is none; look at the names and ids that were given";
            return Err(Error::new(ErrorKind::InvalidInput, operation, why).with("part", format!("{odd:?}")));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Ok(Request::new(self.clone(), operation, method, url))
    }

    /// The address, without a name and password that may stand in it.
    pub fn address(&self) -> String {
        let mut shown = self.base.clone();
        // Fails for URLs without a host, which are refused.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.into()
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// `text` without credentials, which a provider may have sent back.
    pub(super) fn blank(&self, text: &str) -> String {
        let secrets = self.secrets.iter().map(Secret::expose).filter(|secret| secret.len() >= SHORTEST_SECRET);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("Http").field("address", &self.address()).field("headers", &headers).finish_non_exhaustive()
    }
}

fn parse(base: &str) -> Result<Url> {
    let bad = |why: &'static str| Error::new(ErrorKind::Config, "set the address", why);
    let url = Url::parse(base.trim()).map_err(|error| bad("it is not a URL").with_source(error))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        return Ok(url);
    }
    Err(bad("it has to begin with http:// or https:// and name a host"))
}
