//! One request and its reply.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flue_core::{Error, ErrorKind, Result, Retry};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::client::Http;
use super::failure::{failure, transport};
use crate::driver::Refused;

/// How long a server may be silent, before its reply and within it.
pub const SILENCE: Duration = Duration::from_secs(60);
/// The most bytes of a reply in JSON.
pub const MAX_REPLY_BYTES: usize = 64 << 20;
/// How often a request is sent that does no harm twice.
pub const SENDS: u32 = 4;
/// What is waited before the second time; each further time twice as long.
const RESEND_AFTER: Duration = Duration::from_millis(250);
/// The longest that is waited before sending again, whatever a provider asks for.
const RESEND_MOST: Duration = Duration::from_secs(20);

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request {
    http: Http,
    operation: &'static str,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    silence: Option<Duration>,
    limit: usize,
}

impl Request {
    pub(super) fn new(http: Http, operation: &'static str, method: Method, url: Url) -> Self {
        let headers = http.headers();
        Self { http, operation, method, url, headers, body: None, silence: Some(SILENCE), limit: MAX_REPLY_BYTES }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = Some(body.into());
        self
    }

    /// Sets the body to `value` in JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] for what JSON cannot say.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(|error| {
            Error::new(ErrorKind::Internal, self.operation, "the request cannot be said in JSON").with_source(error)
        })?;
        Ok(self.body("application/json", body))
    }

    /// Adds a header, which is not secret.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Sets how long the server may be silent, before its reply and within it. By default [`SILENCE`].
    #[must_use]
    pub fn silence(mut self, limit: Duration) -> Self {
        self.silence = Some(limit);
        self
    }

    /// Waits however long the server is silent: for what is answered when it is done. Somebody else must watch.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.silence = None;
        self
    }

    /// Sets the most bytes of the reply.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Sends it once, and gives what the server says, whatever its status is.
    ///
    /// # Errors
    /// [`Refused::unsent`] where no connection was made. [`ErrorKind::Timeout`] for a silent server, [`ErrorKind::Unavailable`]
    /// for a connection that broke.
    pub async fn send(self) -> Result<Reply, Refused> {
        let Self { http, operation, method, url, headers, body, silence, limit } = self;
        let mut request = http.client().request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let sent = within(silence, operation, request.send()).await?;
        let response = sent.map_err(|error| {
            let unsent = error.is_connect();
            Refused { error: transport(&http, operation, error), unsent }
        })?;
        Ok(Reply { http, operation, response, silence, limit })
    }

    /// Sends it once; a status that is no success is an error.
    ///
    /// # Errors
    /// As [`Request::send`]; and by the status: 401 and 403 [`ErrorKind::Authentication`], 404 [`ErrorKind::NotFound`], 429
    /// [`ErrorKind::RateLimited`] and [`Refused::unsent`], 5xx [`ErrorKind::Unavailable`], and so on.
    pub async fn done(self) -> Result<Reply, Refused> {
        self.send().await?.good().await
    }

    /// As [`Request::done`], sent again, [`SENDS`] times at most, where that may help: only for what does no harm twice.
    ///
    /// # Errors
    /// The last one.
    pub async fn repeat(self) -> Result<Reply> {
        let mut wait = RESEND_AFTER;
        for _ in 1..SENDS {
            let error = match self.clone().done().await {
                Ok(reply) => return Ok(reply),
                Err(refused) => refused.error,
            };
            let after = match error.retry() {
                Retry::After(time) if time <= RESEND_MOST => time,
                Retry::Backoff => wait,
                _ => return Err(error),
            };
            tracing::debug!(%error, "a request is sent again");
            sleep(after).await;
            wait *= 2;
        }
        self.done().await.map_err(|refused| refused.error)
    }
}

/// What a server said. Its body is not read yet.
#[derive(Debug)]
pub struct Reply {
    http: Http,
    operation: &'static str,
    response: Response,
    silence: Option<Duration>,
    limit: usize,
}

impl Reply {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// This reply, if its status is a success.
    ///
    /// # Errors
    /// Those of [`Request::done`].
    pub async fn good(self) -> Result<Self, Refused> {
        if self.status().is_success() { Ok(self) } else { Err(self.failure().await) }
    }

    /// The error that this reply is, with what the provider says of it.
    pub async fn failure(self) -> Refused {
        failure(&self.http, self.operation, self.response).await
    }

    /// The next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when it breaks off, [`ErrorKind::Timeout`] for a silent server.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let next = within(self.silence, self.operation, self.response.chunk()).await?;
        next.map_err(|error| transport(&self.http, self.operation, error))
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Reply::chunk`]; [`ErrorKind::LimitExceeded`] for one that is longer than [`Request::limit`].
    pub async fn bytes(mut self) -> Result<Bytes> {
        let expected = self.response.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = BytesMut::with_capacity(expected.unwrap_or(0).min(self.limit));
        while let Some(chunk) = self.chunk().await? {
            if body.len().saturating_add(chunk.len()) > self.limit {
                let why = "the server's reply is longer than what is taken";
                return Err(Error::new(ErrorKind::LimitExceeded, self.operation, why).with("limit", self.limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The whole body, as JSON says it.
    ///
    /// # Errors
    /// As [`Reply::bytes`]; [`ErrorKind::Protocol`] for what is not the JSON that was expected.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let operation = self.operation;
        serde_json::from_slice(&self.bytes().await?).map_err(|error| {
            let why = "the server's reply is not what was expected; look at its address and version";
            Error::new(ErrorKind::Protocol, operation, why).with_source(error)
        })
    }
}

/// Waits, for a limited time where there is a limit.
async fn within<T>(limit: Option<Duration>, operation: &'static str, what: impl Future<Output = T>) -> Result<T> {
    let Some(limit) = limit else { return Ok(what.await) };
    timeout(limit, what).await.map_err(|_| {
        Error::new(ErrorKind::Timeout, operation, "the server is silent; look at its address and the network")
            .with("seconds", limit.as_secs())
            .with_retry(Retry::Backoff)
    })
}
