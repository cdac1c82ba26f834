//! A codec as a model.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::model::{Model, ModelInfo, ModelRequest, ModelStream};
use flue_core::{Error, ErrorKind, Result, Retry};
use http_body_util::Full;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tracing::{Instrument, debug_span, field};

use super::reply::{Reply, Sender};
use super::{Endpoint, Http, Unsigned};
use crate::failure::OPERATION;
use crate::{Codec, CountRequest, Decoding, HttpReply, ReplyFormat, WireRequest};

/// The most bytes of an error's body that are read.
pub const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// How long an error's body is waited for.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A model behind HTTP.
#[derive(Debug)]
pub struct HttpModel<C> {
    codec: C,
    endpoint: Endpoint,
    http: Http,
    spec: String,
}

impl<C: Codec> HttpModel<C> {
    /// The model that `codec` speaks for, at `endpoint`.
    pub fn new(codec: C, endpoint: Endpoint, http: Http) -> Self {
        let spec = codec.info().spec();
        Self { codec, endpoint, http, spec }
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The endpoint as `wire` is sent to it: with what was worked out for this request alone.
    async fn sign(&self, wire: &WireRequest) -> Result<Endpoint> {
        let Some(signer) = self.endpoint.signer() else { return Ok(self.endpoint.clone()) };
        let dressed = |error: Error| self.endpoint.dress(error.with("model", &self.spec));
        let url = self.endpoint.url(&wire.path);
        let host = match (url.host_str(), url.port()) {
            (host, None) => host.unwrap_or_default().to_owned(),
            (host, Some(port)) => format!("{}:{port}", host.unwrap_or_default()),
        };
        let request = Unsigned::new(&host, url.path(), url.query().unwrap_or_default(), &wire.body);
        signer.sign(request).await.and_then(|headers| self.endpoint.signed(headers)).map_err(dressed)
    }

    async fn send(&self, wire: WireRequest, endpoint: &Endpoint) -> Result<Response> {
        let mut request = self.http.client()?.post(endpoint.url(&wire.path)).headers(endpoint.headers().clone());
        for (name, value) in &wire.headers {
            // A header that the application set by hand wins.
            if !endpoint.headers().contains_key(*name) {
                request = request.header(*name, &**value);
            }
        }
        request.body(sent_once(wire.body)).send().await.map_err(|error| self.transport_error(error, "request"))
    }

    async fn failure(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        // What came of a body that broke off still says more than nothing.
        let mut body = Vec::new();
        let _ = tokio::time::timeout(ERROR_BODY_TIMEOUT, read_bounded(response, &mut body)).await;
        let header = |name: &str| text_of(&headers, name);
        self.codec.failure(&HttpReply { status, header: &header, body: &body })
    }

    fn transport_error(&self, error: reqwest::Error, phase: &'static str) -> Error {
        super::reply::transport_error(OPERATION, error, phase, self.endpoint.host(), self.http.options())
    }
}

#[async_trait]
impl<C: Codec> Model for HttpModel<C> {
    fn info(&self) -> &ModelInfo {
        self.codec.info()
    }

    async fn stream(&self, request: ModelRequest) -> Result<ModelStream> {
        let wire = self.codec.encode(&request)?;
        drop(request);
        let endpoint = self.sign(&wire).await?;
        let span = debug_span!(
            "model_http",
            model = %self.spec,
            body_bytes = wire.body.len(),
            status = field::Empty,
            request_id = field::Empty,
        );
        let start = async {
            let response = self.send(wire, &endpoint).await?;
            let request_id = ["request-id", "x-request-id"].iter().find_map(|name| text_of(response.headers(), name));
            span.record("status", response.status().as_u16()).record("request_id", request_id);
            if !response.status().is_success() {
                return Err(self.failure(response).await);
            }
            let content_type = text_of(response.headers(), CONTENT_TYPE.as_str());
            if content_type.is_some_and(|value| value.trim_start().starts_with("text/html")) {
                return Err(web_page());
            }
            let decoding = Decoding::new(self.codec.decoder(), ReplyFormat::of(content_type));
            let sender = Sender {
                endpoint: endpoint.clone(),
                options: self.http.options().clone(),
                spec: self.spec.clone(),
                request_id: request_id.map(str::to_owned),
                span: span.clone(),
            };
            Ok(Reply::new(response, decoding, sender))
        };
        match start.instrument(span.clone()).await {
            Ok(reply) => Ok(Box::pin(reply)),
            Err(error) => Err(endpoint.dress(error.with("model", &self.spec))),
        }
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<Option<u64>> {
        let Some(CountRequest { wire, field }) = self.codec.encode_count(&request)? else { return Ok(None) };
        drop(request);
        let endpoint = self.sign(&wire).await?;
        let count = async {
            let response = self.send(wire, &endpoint).await?;
            if !response.status().is_success() {
                return Err(self.failure(response).await);
            }
            let mut body = Vec::new();
            read_bounded(response, &mut body).await;
            counted(&body, field)
        };
        count.await.map(Some).map_err(|error| endpoint.dress(error.with("model", &self.spec)))
    }
}

/// The number that `field` of a reply has.
fn counted(body: &[u8], field: &str) -> Result<u64> {
    let reply: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    reply[field].as_u64().ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "count tokens", "the server's reply has no count; check the base URL")
            .with("field", field)
            .with("phase", "response")
    })
}

/// A body that is let go once it was sent. One that could be sent again would be kept until the reply begins, and models
/// think long.
fn sent_once(body: Bytes) -> reqwest::Body {
    reqwest::Body::wrap(Full::new(body))
}

/// Reads what of a body has room in [`MAX_ERROR_BODY_BYTES`].
pub(super) async fn read_bounded(mut response: Response, body: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = MAX_ERROR_BODY_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ERROR_BODY_BYTES {
            break;
        }
    }
}

fn web_page() -> Error {
    Error::new(
        ErrorKind::Protocol,
        OPERATION,
        "the server answered with a web page, not with the API's stream; check the base URL",
    )
    .with("phase", "response")
    .with_retry(Retry::Never)
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
