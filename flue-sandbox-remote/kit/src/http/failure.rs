//! What went wrong, by status and by what the provider says.

use std::time::{Duration, SystemTime};

use flue_core::{Error, ErrorKind, Retry};
use reqwest::Response;
use reqwest::header::RETRY_AFTER;
use serde_json::Value;

use super::client::Http;
use crate::driver::Refused;

/// The most bytes of a provider's own words that an error quotes.
pub const MAX_SAID_BYTES: usize = 1 << 10;
/// The most bytes of an error's body that are read.
const BODY_BYTES: usize = 64 << 10;
/// How long the body of an error is waited for.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// The error of a connection that was not made, or broke.
pub(super) fn transport(http: &Http, operation: &'static str, error: reqwest::Error) -> Error {
    let why = if error.is_connect() {
        "the server cannot be reached; look at its address and the network"
    } else {
        "the connection to the server broke"
    };
    // Parameters of an address may be secrets.
    Error::new(ErrorKind::Unavailable, operation, why)
        .with("address", http.address())
        .with_source(error.without_url())
        .with_retry(Retry::Backoff)
}

/// The error of a reply that is no success.
pub(super) async fn failure(http: &Http, operation: &'static str, mut response: Response) -> Refused {
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(wait);
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = BODY_BYTES - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if body.len() == BODY_BYTES {
                break;
            }
        }
    };
    // What came of a body that broke off still says more than nothing.
    let _ = tokio::time::timeout(BODY_LIMIT, read).await;
    let (kind, why) = meaning(status);
    let retry = match (kind, wait) {
        (ErrorKind::RateLimited | ErrorKind::Unavailable, Some(time)) => Retry::After(time),
        (ErrorKind::RateLimited | ErrorKind::Unavailable, None) => Retry::Backoff,
        _ => Retry::Never,
    };
    let mut error = Error::new(kind, operation, why).with("status", status).with_retry(retry);
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(lossy(&body)));
    if let Some(code) = body.get("code").and_then(Value::as_str) {
        error = error.with("code", bounded(&http.blank(code)));
    }
    if let Some(said) = said(&body) {
        error = error.with("said", bounded(&http.blank(&said)));
    }
    // Whoever asks for fewer requests did nothing for this one.
    Refused { error, unsent: status == 429 }
}

fn meaning(status: u16) -> (ErrorKind, &'static str) {
    match status {
        401 | 403 => {
            (ErrorKind::Authentication, "the provider does not accept the key for this; look at it and its rights")
        }
        402 => (ErrorKind::QuotaExhausted, "the account has no credit or quota left"),
        404 | 410 => (ErrorKind::NotFound, "the provider knows no such thing; it was deleted, or is another account's"),
        408 | 504 => (ErrorKind::Timeout, "the provider gave up waiting"),
        409 => (ErrorKind::Conflict, "something else changes it, or has its name; look at what the provider says"),
        413 => (ErrorKind::LimitExceeded, "this is larger than what the provider takes"),
        429 => (ErrorKind::RateLimited, "the provider asks for fewer requests"),
        400..=499 => (ErrorKind::InvalidInput, "the provider does not take the request; look at what it says"),
        500..=599 => (ErrorKind::Unavailable, "the provider fails; try again later"),
        _ => (ErrorKind::Protocol, "the provider answers otherwise than its interface says; look at the address"),
    }
}

/// A provider's own words, wherever it puts them.
fn said(body: &Value) -> Option<String> {
    let said = match body {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(said).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            ["message", "error", "errors", "detail"].iter().find_map(|name| said(fields.get(*name)?))?
        }
        _ => return None,
    };
    let said = said.trim().to_owned();
    (!said.is_empty()).then_some(said)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_SAID_BYTES);
    let cut = if end < text.len() { " …" } else { "" };
    format!("{}{cut}", &text[..end])
}

/// `Retry-After`: seconds, or a date.
fn wait(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value.trim()).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}
