//! Where a provider is, and what it is told of who asks.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::Secret;
use crate::secret::without;

/// Headers that carry credentials. A request has one of them at most.
const CREDENTIAL_HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Whether a header of this name carries credentials.
pub(super) fn is_credential(name: &str) -> bool {
    CREDENTIAL_HEADERS.iter().any(|credential| credential.eq_ignore_ascii_case(name))
}

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
    /// By what is worked out for each request: a signature, a token that expires.
    Signer(Arc<dyn Signer>),
}

/// Works out the credentials of each request.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// The headers, by their lower-case names, that let this POST request in. They are blanked wherever an error would show
    /// them.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`] and others, when there are no credentials to be had.
    async fn sign(&self, request: Unsigned<'_>) -> Result<Vec<(&'static str, Secret)>>;
}

/// A POST request before it is signed. Its `content-type` is `application/json`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Unsigned<'a> {
    /// Host and port, as the `host` header has them.
    pub host: &'a str,
    /// The path, encoded as it is sent.
    pub path: &'a str,
    /// The query, without its question mark; may be empty.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Unsigned<'a> {
    /// A request with this body to this place.
    pub fn new(host: &'a str, path: &'a str, query: &'a str, body: &'a [u8]) -> Self {
        Self { host, path, query, body }
    }
}

/// `text` as one segment of a path: everything but letters, digits, `-`, `.`, `_` and `~` is encoded.
pub fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => segment.push(char::from(byte)),
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

/// A provider's address with credentials and extra headers. Debug shows none of their values.
#[derive(Clone)]
pub struct Endpoint {
    base: Url,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    key_name: Option<&'static str>,
    signer: Option<Arc<dyn Signer>>,
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
        let mut endpoint = Self { base, headers: HeaderMap::new(), secrets: Vec::new(), key_name: None, signer: None };
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
            Auth::Signer(signer) => endpoint.signer = Some(signer),
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
        if is_credential(name.as_str()) {
            self.signer = None;
            for credential in CREDENTIAL_HEADERS {
                self.headers.remove(credential);
            }
        }
        self.insert(name, value)?;
        self.hide(Secret::new(value));
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

    /// The address of `path`, whose query, if it has one, is joined to that of the base.
    pub(super) fn url(&self, path: &str) -> Url {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let queries = [self.base.query().unwrap_or_default(), query];
        let queries: Vec<&str> = queries.into_iter().filter(|query| !query.is_empty()).collect();
        url.set_query(Some(&*queries.join("&")).filter(|query| !query.is_empty()));
        url
    }

    pub(super) fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.signer.as_ref()
    }

    /// This endpoint, for one request that was signed with `headers`.
    pub(super) fn signed(&self, headers: Vec<(&'static str, Secret)>) -> Result<Self> {
        let mut signed = self.clone();
        for (name, value) in headers {
            // One that the application set by hand wins.
            if !self.headers.contains_key(name) {
                signed.insert(HeaderName::from_static(name), value.expose())?;
            }
            signed.hide(value);
        }
        Ok(signed)
    }

    /// `error` with what its receiver needs to know of the endpoint, and without what nobody may.
    pub(super) fn dress(&self, mut error: Error) -> Error {
        if error.kind() == ErrorKind::Authentication
            && let Some(variable) = self.key_name
        {
            error = error.with("key_from", variable);
        }
        without(error, &self.secrets)
    }

    /// Has errors not show a header's value, nor the token in it by itself.
    fn hide(&mut self, value: Secret) {
        let token = value.expose().split_once(' ').map(|(_, token)| Secret::new(token.trim()));
        self.secrets.push(value);
        self.secrets.extend(token);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_joined() {
        let url = |base: &str, path: &str| Endpoint::new(base, Auth::None).unwrap().url(path).to_string();
        assert_eq!(url("http://h/v1/", "/chat"), "http://h/v1/chat");
        assert_eq!(url("http://h/v1?a=1", "/chat"), "http://h/v1/chat?a=1");
        assert_eq!(url("http://h?a=1", "/m:x?alt=sse"), "http://h/m:x?a=1&alt=sse");
        assert_eq!(
            url("http://h", &format!("/model/{}/x", path_segment("a:b/c é"))),
            "http://h/model/a%3Ab%2Fc%20%C3%A9/x"
        );
    }

    #[test]
    fn a_token_shows_in_no_error_with_or_without_its_scheme() {
        let headers = vec![("authorization", Secret::new("Bearer planted-token"))];
        let signed = Endpoint::new("http://h", Auth::None).unwrap().signed(headers).unwrap();
        let set =
            Endpoint::new("http://h", Auth::None).unwrap().header("authorization", "Bearer planted-token").unwrap();
        for endpoint in [signed, set] {
            let said = "no: Bearer planted-token, or planted-token";
            let error = endpoint.dress(Error::new(ErrorKind::Authentication, "ask", said));
            assert!(!format!("{error:?} {error:#}").contains("planted"), "{error:?}");
        }
    }
}
