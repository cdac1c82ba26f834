//! Credentials files of Google's application default credentials: service accounts, and users who signed in.

mod file;
mod jwt;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Http, Lease, Renewed, Secret};

use self::file::{Account, CredentialsFile};

/// The most bytes of a credentials file that are read; they have a few thousand.
pub const MAX_CREDENTIALS_BYTES: usize = 64 * 1024;

/// Where Google hands out access tokens, after "Using OAuth 2.0 for Server to Server Applications" in its documentation.
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// What access tokens are asked for: all of Google Cloud, as far as the account itself reaches.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Who asks, by a file of type `service_account` or `authorized_user`. Clones share one access token, which is renewed five
/// minutes before it ends. Debug shows no secret.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    account: Account,
    token_url: String,
    /// Where the text came from, for errors.
    from: Option<String>,
    token: Renewed<Secret>,
}

impl Credentials {
    /// From the text of a credentials file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with what is missing, for a text that is no such file, and for a type that is not read here.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::parse(text, None)
    }

    /// From the credentials file at `path`, which is read once, now.
    ///
    /// # Errors
    /// As [`Credentials::from_json`], and when there is no such file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().display().to_string();
        let text = file::read(path.as_ref()).map_err(|error| error.with("file", &path))?;
        Self::parse(&text, Some(path))
    }

    fn parse(text: &str, from: Option<String>) -> Result<Self> {
        let read = CredentialsFile::parse(text).and_then(|file| {
            let token_url = file.token_url();
            Ok((file.account()?, token_url))
        });
        match read {
            Ok((account, token_url)) => Ok(Self(Arc::new(Inner { account, token_url, from, token: Renewed::new() }))),
            Err(error) => Err(match from {
                Some(path) => error.with("file", path),
                None => error,
            }),
        }
    }

    /// Another address of the token endpoint, at `https://` or on this machine.
    #[must_use]
    pub fn token_url(self, url: impl Into<String>) -> Self {
        let (account, from) = (self.0.account.clone(), self.0.from.clone());
        Self(Arc::new(Inner { account, token_url: url.into(), from, token: Renewed::new() }))
    }

    /// The headers that let a request in.
    pub(crate) async fn headers(&self, http: &Http) -> Result<Vec<(&'static str, Secret)>> {
        let inner = &*self.0;
        let token = inner.token.get(inner.renew(http)).await?;
        let mut headers = vec![("authorization", Secret::new(format!("Bearer {}", token.expose())))];
        if let Account::User { quota_project: Some(project), .. } = &inner.account {
            headers.push(("x-goog-user-project", project.into()));
        }
        Ok(headers)
    }
}

impl Inner {
    async fn renew(&self, http: &Http) -> Result<Lease<Secret>> {
        let asked = match &self.account {
            Account::Service { email, key_id, key } => {
                let assertion = jwt::assertion(email, key_id.as_deref(), key)?;
                let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
                http.access_token(&self.token_url, &form).await
            }
            Account::User { client_id, client_secret, refresh_token, .. } => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ];
                http.access_token(&self.token_url, &form).await
            }
        };
        asked.map_err(|error| self.explain(error))
    }

    /// `error` with the file, and with what to do where Google does not accept it.
    fn explain(&self, error: Error) -> Error {
        let error = match (&self.account, error.kind()) {
            (Account::Service { email, .. }, ErrorKind::Authentication) => error
                .with("account", email)
                .with("hint", "see that the account and its key still exist, and that this machine's clock is right"),
            (Account::User { .. }, ErrorKind::Authentication) => {
                error.with("hint", "sign in again: gcloud auth application-default login")
            }
            _ => error,
        };
        match &self.from {
            Some(path) => error.with("file", path),
            None => error,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Credentials");
        if let Account::Service { email, .. } = &self.0.account {
            shown.field("account", email);
        }
        shown.field("file", &self.0.from).finish_non_exhaustive()
    }
}
