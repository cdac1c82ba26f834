//! The engine's HTTP interface over its socket: one connection for each request, which costs a fraction of a millisecond.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_sandbox_remote_kit::MAX_FILE_BYTES;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, upgrade};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the engine may take for an answer: a loaded one takes seconds to start a container.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The longest answer that is kept: a list of thousands of containers.
const ANSWER_BYTES: usize = 16 << 20;
/// How long a file may take to come or go.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(300);
/// The longest archive that is kept: the largest file, and what a tar puts around it.
const ARCHIVE_BYTES: usize = MAX_FILE_BYTES + (1 << 20);
/// The most of what the engine says about a failure that is shown, in characters.
const SAID_CHARS: usize = 500;

/// An engine that listens on a socket.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    socket: Arc<Path>,
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Engine {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket: socket.into() }
    }

    pub(crate) async fn get(&self, operation: &'static str, path: &str) -> Result<Answer> {
        self.ask(operation, Method::GET, path, None, ANSWER_LIMIT).await
    }

    pub(crate) async fn post(&self, operation: &'static str, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.ask(operation, Method::POST, path, body, ANSWER_LIMIT).await
    }

    /// Asks, and waits for the whole answer, whatever it is.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] where nobody listens, [`ErrorKind::Timeout`] after `limit`, [`ErrorKind::Protocol`].
    pub(crate) async fn ask(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Answer> {
        let body = body.map(|body| Content { kind: "application/json", data: body.to_string().into() });
        self.exchange(operation, request(operation, method, path, body, false)?, limit, ANSWER_BYTES).await
    }

    /// Sends an archive, or asks for one.
    ///
    /// # Errors
    /// As [`Engine::ask`].
    pub(crate) async fn archive(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        tar: Option<Bytes>,
    ) -> Result<Answer> {
        let tar = tar.map(|data| Content { kind: "application/x-tar", data });
        self.exchange(operation, request(operation, method, path, tar, false)?, ARCHIVE_LIMIT, ARCHIVE_BYTES).await
    }

    async fn exchange(
        &self,
        operation: &'static str,
        request: Request<Full<Bytes>>,
        limit: Duration,
        most: usize,
    ) -> Result<Answer> {
        let answer = async {
            let response = self.send(operation, request).await?;
            self.collect(operation, response, most).await
        };
        timeout(limit, answer).await.map_err(|_| {
            let why = "the engine does not answer; look whether it runs well (`docker info`)";
            self.error(ErrorKind::Timeout, operation, why)
        })?
    }

    /// Asks for a stream both ways instead of an answer.
    ///
    /// # Errors
    /// As [`Engine::ask`]; what the engine answers instead of a stream.
    pub(crate) async fn stream(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
    ) -> Result<TokioIo<upgrade::Upgraded>> {
        let opened = async {
            let body = Content { kind: "application/json", data: body.to_string().into() };
            let request = request(operation, Method::POST, path, Some(body), true)?;
            let response = self.send(operation, request).await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                let answer = self.collect(operation, response, ANSWER_BYTES).await?;
                return Err(answer.error(operation, "the engine gives no stream"));
            }
            let stream = upgrade::on(response).await;
            stream.map(TokioIo::new).map_err(|error| {
                self.error(ErrorKind::Protocol, operation, "the engine's stream did not begin").with_source(error)
            })
        };
        timeout(ANSWER_LIMIT, opened).await.map_err(|_| {
            let why = "the engine does not begin; look whether it runs well (`docker info`)";
            self.error(ErrorKind::Timeout, operation, why)
        })?
    }

    async fn send(&self, operation: &'static str, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let mut sender = self.connect(operation).await?;
        sender.send_request(request).await.map_err(|error| {
            self.error(ErrorKind::Unavailable, operation, "the engine broke the connection").with_source(error)
        })
    }

    async fn connect(&self, operation: &'static str) -> Result<SendRequest<Full<Bytes>>> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| {
            let (kind, why) = match error.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    (ErrorKind::PermissionDenied, "this user may not speak to the engine; add it to the socket's group")
                }
                _ => (
                    ErrorKind::Unavailable,
                    "no engine listens; start Docker or Podman, or name its socket in DOCKER_HOST",
                ),
            };
            let error = self.error(kind, operation, why).with_source(error);
            if kind == ErrorKind::Unavailable { error.with_retry(Retry::Backoff) } else { error }
        })?;
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| {
            self.error(ErrorKind::Protocol, operation, "the engine does not speak HTTP").with_source(error)
        })?;
        // It ends with the request, or with the stream that came of it.
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to the engine ended badly");
            }
        });
        Ok(sender)
    }

    async fn collect(&self, operation: &'static str, response: Response<Incoming>, most: usize) -> Result<Answer> {
        let status = response.status();
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| {
            let why = "the engine's answer broke off, or is too long";
            self.error(ErrorKind::Protocol, operation, why).with_source(std::io::Error::other(error))
        })?;
        Ok(Answer { status, body: body.to_bytes() })
    }

    fn error(&self, kind: ErrorKind, operation: &'static str, why: &'static str) -> Error {
        Error::new(kind, operation, why).with("socket", self.socket.display())
    }
}

/// What is sent.
struct Content {
    kind: &'static str,
    data: Bytes,
}

fn request(
    operation: &'static str,
    method: Method,
    path: &str,
    body: Option<Content>,
    upgrades: bool,
) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "engine");
    if upgrades {
        request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "tcp");
    }
    let data = match body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, body.kind);
            body.data
        }
        None => Bytes::new(),
    };
    request.body(Full::new(data)).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, operation, "this cannot be asked of an engine").with_source(error)
    })
}

impl Answer {
    /// The answer's content.
    pub(crate) fn json<T: DeserializeOwned>(&self, operation: &'static str) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(ErrorKind::Protocol, operation, "the engine's answer is not understood").with_source(error)
        })
    }

    /// The answer as text, for answers that are streams of messages.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// This answer if it is good, or its error.
    pub(crate) fn good(self, operation: &'static str, why: &'static str) -> Result<Self> {
        if self.status.is_success() { Ok(self) } else { Err(self.error(operation, why)) }
    }

    /// What the engine says about a failure.
    pub(crate) fn said(&self) -> String {
        let told: Option<Value> = serde_json::from_slice(&self.body).ok();
        let told = told.as_ref().and_then(|told| told.get("message")).and_then(Value::as_str);
        let text = told.map_or_else(|| self.text().into_owned(), str::to_owned);
        text.trim().chars().take(SAID_CHARS).collect()
    }

    /// The error that this answer is.
    pub(crate) fn error(&self, operation: &'static str, why: &'static str) -> Error {
        let kind = match self.status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::CONFLICT => ErrorKind::Conflict,
            StatusCode::BAD_REQUEST => ErrorKind::InvalidInput,
            status if status.is_server_error() => ErrorKind::Unavailable,
            _ => ErrorKind::Protocol,
        };
        Error::new(kind, operation, why).with("status", self.status.as_u16()).with("said", self.said())
    }
}

/// `text` as a value in a query.
pub(crate) fn query(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
