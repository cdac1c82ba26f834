//! Gemini on Vertex AI: other addresses and other credentials, the same protocol.

use std::sync::Arc;

use async_trait::async_trait;
use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret, Signer, Unsigned};

use crate::{Credentials, Gemini, ModelOptions};

/// The name of this provider: `vertex/gemini-3.5-flash`.
pub const VERTEX_PROVIDER: &str = "vertex";
/// The variable with an API key.
pub const VERTEX_KEY_VARIABLE: &str = "GOOGLE_CLOUD_API_KEY";
/// The variable with an access token, looked at when there is no key.
pub const VERTEX_TOKEN_VARIABLE: &str = "CLOUDSDK_AUTH_ACCESS_TOKEN";
/// The variable with the path of a credentials file, looked at when there is neither.
pub const CREDENTIALS_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// The variable with the project.
pub const PROJECT_VARIABLE: &str = "GOOGLE_CLOUD_PROJECT";
/// The variable with the location; without it, `global`.
pub const LOCATION_VARIABLE: &str = "GOOGLE_CLOUD_LOCATION";
/// The variable with another address, up to and without `/v1`.
pub const VERTEX_URL_VARIABLE: &str = "GOOGLE_VERTEX_BASE_URL";

/// Where Google has no region.
const GLOBAL: &str = "global";

/// Opens Gemini models of a project on Vertex AI. Clones, and the models opened, share one pool of connections.
#[derive(Debug, Clone)]
pub struct Vertex {
    access: Access,
    /// In place of what `access` has.
    credentials: Option<Credentials>,
    http: Http,
    project: String,
    location: String,
}

impl Vertex {
    /// With an API key.
    pub fn new(project: impl Into<String>, location: impl Into<String>, key: impl Into<Secret>) -> Self {
        Self::with_auth(project, location, Auth::Header("x-goog-api-key", key.into()))
    }

    /// With an access token. Google's live for an hour.
    pub fn token(project: impl Into<String>, location: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self::with_auth(project, location, Auth::Bearer(token.into()))
    }

    /// With credentials that `signer` is asked for at each request.
    pub fn signer(project: impl Into<String>, location: impl Into<String>, signer: Arc<dyn Signer>) -> Self {
        Self::with_auth(project, location, Auth::Signer(signer))
    }

    /// With the access tokens that a service account or a user gets.
    pub fn credentials(project: impl Into<String>, location: impl Into<String>, credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), ..Self::with_auth(project, location, Auth::None) }
    }

    fn with_auth(project: impl Into<String>, location: impl Into<String>, auth: Auth) -> Self {
        let (project, location) = (project.into(), location.into());
        let host = match location.as_str() {
            GLOBAL => "aiplatform.googleapis.com".to_owned(),
            location => format!("{location}-aiplatform.googleapis.com"),
        };
        let http = Http::default();
        let access = Access::new(VERTEX_PROVIDER, VERTEX_KEY_VARIABLE, format!("https://{host}"), auth);
        Self { access: access.http(http.clone()), credentials: None, http, project, location }
    }

    /// As the environment says.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without key, token and credentials file, with a file that cannot be used, or without a project.
    pub fn from_env() -> Result<Self> {
        Self::with_env(&|variable| std::env::var(variable).ok())
    }

    /// As [`Vertex::from_env`], from variables that `env` looks up.
    ///
    /// # Errors
    /// As [`Vertex::from_env`].
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |variable: &str| env(variable).filter(|value| !value.trim().is_empty());
        let missing = |what: String| Error::new(ErrorKind::Config, "open model", what);
        let mut credentials = None;
        let (variable, auth) = if let Some(key) = given(VERTEX_KEY_VARIABLE) {
            (VERTEX_KEY_VARIABLE, Auth::Header("x-goog-api-key", key.into()))
        } else if let Some(token) = given(VERTEX_TOKEN_VARIABLE) {
            (VERTEX_TOKEN_VARIABLE, Auth::Bearer(token.into()))
        } else if let Some(path) = given(CREDENTIALS_VARIABLE) {
            credentials =
                Some(Credentials::from_file(path).map_err(|error| error.with("named_by", CREDENTIALS_VARIABLE))?);
            (CREDENTIALS_VARIABLE, Auth::None)
        } else {
            return Err(missing(format!(
                "there are no credentials for Vertex AI: set {VERTEX_KEY_VARIABLE} to a key, {VERTEX_TOKEN_VARIABLE} to \
                 what `gcloud auth print-access-token` prints, or {CREDENTIALS_VARIABLE} to the path of a service account's \
                 key file or of the file that `gcloud auth application-default login` writes"
            )));
        };
        let project = given(PROJECT_VARIABLE)
            .ok_or_else(|| missing(format!("Vertex AI needs a project: set {PROJECT_VARIABLE} to its id")))?;
        let location = given(LOCATION_VARIABLE).unwrap_or_else(|| GLOBAL.to_owned());
        let mut vertex = Self::with_auth(project, location, auth);
        vertex.access = vertex.access.key_from(variable);
        vertex.credentials = credentials;
        Ok(match given(VERTEX_URL_VARIABLE) {
            Some(url) => vertex.base_url(url),
            None => vertex,
        })
    }

    /// Another address, up to and without `/v1`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.access = self.access.base_url(url);
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
        self.access = self.access.http(http.clone());
        self.http = http;
        self
    }

    /// Opens a model by its id. Ids that are not known work.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty id or key, and for an address or header that cannot be used.
    pub fn model(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.model_with(id, &ModelOptions::default())
    }

    /// As [`Vertex::model`], knowing more about the model than the catalogue.
    ///
    /// # Errors
    /// As [`Vertex::model`].
    pub fn model_with(&self, id: &str, options: &ModelOptions) -> Result<Arc<dyn Model>> {
        let base = self.access.address().trim().trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let url = format!("{base}/v1/projects/{}/locations/{}/publishers/google", self.project, self.location);
        let mut access = self.access.clone().base_url(url);
        if let Some(credentials) = &self.credentials {
            let signer = TokenSigner { credentials: credentials.clone(), http: self.http.clone() };
            access = access.auth(Auth::Signer(Arc::new(signer)));
        }
        access.open(Gemini::new(VERTEX_PROVIDER, id, options))
    }
}

/// Lets requests in by the tokens of `credentials`, which come over `http`.
#[derive(Debug)]
struct TokenSigner {
    credentials: Credentials,
    http: Http,
}

#[async_trait]
impl Signer for TokenSigner {
    async fn sign(&self, _: Unsigned<'_>) -> Result<Vec<(&'static str, Secret)>> {
        self.credentials.headers(&self.http).await
    }
}
