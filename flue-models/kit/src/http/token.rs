//! Access tokens by OAuth 2.0 (RFC 6749): a form goes to a token endpoint, a token that ends comes back.

use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Result, Retry};
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::Value;

use super::model::read_bounded;
use super::reply::transport_error;
use super::{Http, HttpOptions, MAX_ERROR_BODY_BYTES, path_segment};
use crate::failure::status_kind;
use crate::secret::without;
use crate::{Lease, Secret};

/// How long a token endpoint may take.
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a token is good whose endpoint does not say: RFC 6749 only recommends that it does.
const UNSTATED_LIFETIME: Duration = Duration::from_secs(10 * 60);

const OPERATION: &str = "get an access token";

/// What an endpoint answers, well (section 5.1) or not (section 5.2).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    /// Seconds, by some endpoints as a text.
    expires_in: Value,
    error: Value,
    error_description: Option<String>,
}

impl Http {
    /// Asks the token endpoint `url` with this form. Its values, but for `grant_type`, and the token show in no error.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an address that is neither `https://` nor on this machine; [`ErrorKind::Authentication`] when
    /// the endpoint refuses; [`ErrorKind::Unavailable`] and [`ErrorKind::Protocol`] when it fails or is something else.
    pub async fn access_token(&self, url: &str, form: &[(&str, &str)]) -> Result<Lease<Secret>> {
        // As they are, and as they are sent.
        let secret = form.iter().filter(|(name, _)| *name != "grant_type");
        let secrets: Vec<Secret> =
            secret.flat_map(|(_, value)| [Secret::new(value), path_segment(value).into()]).collect();
        self.ask_for_token(url, form).await.map_err(|error| without(error, &secrets))
    }

    async fn ask_for_token(&self, url: &str, form: &[(&str, &str)]) -> Result<Lease<Secret>> {
        let url = address(url)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", path_segment(value))).collect();
        let request = self
            .client()?
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .timeout(TOKEN_TIMEOUT);
        let options = HttpOptions { idle_timeout: TOKEN_TIMEOUT, ..self.options().clone() };
        // Before the answer is waited for, so that a token does not last longer than it was given for.
        let now = SystemTime::now();
        let response =
            request.send().await.map_err(|error| transport_error(OPERATION, error, "request", &host, &options))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        read_bounded(response, &mut body).await;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        let error = |kind, why: String| Error::new(kind, OPERATION, why).with("status", status).with("host", &host);
        if status != 200 {
            let (kind, retry) = match status {
                // How OAuth says no: `invalid_grant`, `invalid_client`.
                400 => (ErrorKind::Authentication, Retry::Never),
                status => status_kind(status),
            };
            return Err(error(kind, answer.refusal()).with_retry(retry));
        }
        let kind = answer.token_type.as_deref().unwrap_or("Bearer");
        match answer.access_token.as_deref().map(Secret::new) {
            Some(token) if !token.is_empty() && kind.eq_ignore_ascii_case("bearer") => {
                Ok(Lease::new(token, now.checked_add(answer.lifetime())))
            }
            Some(_) => Err(error(ErrorKind::Protocol, format!("the token is none that a bearer shows, but {kind:?}"))),
            None if body.len() == MAX_ERROR_BODY_BYTES => {
                Err(error(ErrorKind::Protocol, format!("the reply is longer than {MAX_ERROR_BODY_BYTES} bytes")))
            }
            None => {
                Err(error(ErrorKind::Protocol, "the reply has no access_token; check the endpoint's address".into()))
            }
        }
    }
}

impl Answer {
    fn lifetime(&self) -> Duration {
        let seconds = self.expires_in.as_u64().or_else(|| self.expires_in.as_str()?.trim().parse().ok());
        seconds.map_or(UNSTATED_LIFETIME, Duration::from_secs)
    }

    fn refusal(&self) -> String {
        let code = self.error.as_str().unwrap_or("without a reason that can be read");
        match &self.error_description {
            Some(why) => format!("the token endpoint refused: {code}: {why}"),
            None => format!("the token endpoint refused: {code}"),
        }
    }
}

/// The address, if what is sent to it stays between this program and its server.
fn address(url: &str) -> Result<Url> {
    let bad = |why: String| Error::new(ErrorKind::Config, OPERATION, why);
    let url =
        Url::parse(url.trim()).map_err(|error| bad(format!("the token endpoint's address is not a URL: {error}")))?;
    let here = ["localhost", "127.0.0.1", "[::1]"].contains(&url.host_str().unwrap_or_default());
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(bad("the token endpoint has to be at https://, or on this machine".to_owned())
            .with("host", url.host_str().unwrap_or_default())),
    }
}
