//! Failures of a provider as typed errors: what went wrong, and whether to try again.
//!
//! The order matters: an overflow is told before anything is called retryable, and an exhausted quota before a rate
//! limit. Status and code decide; texts are read only for what providers say in no other way.

mod hints;
mod report;
mod tables;

use flue_core::{Error, ErrorKind, Retry};

pub use self::hints::MAX_RETRY_AFTER;
use self::report::Report;
use crate::HttpReply;

/// What every request to a provider is called in its errors.
pub(crate) const OPERATION: &str = "ask the model";

/// The error that a reply without a success status stands for.
///
/// Its facts are `status`, `phase`, and `code` and `request_id` where the provider gives them.
pub fn reply_error(reply: &HttpReply<'_>) -> Error {
    let report = Report::of_body(reply.body, reply.status);
    let asked = hints::asked_delay(reply).or(report.retry_delay);
    let (kind, retry) = classify(Some(reply.status), &report, asked.is_some());
    let (retry, refused_delay) = hints::apply(kind, retry, reply, asked);
    let message = match refused_delay {
        Some(delay) => format!(
            "{}; the provider asks to wait {} s, which is longer than the {} s that are waited for it",
            report.message,
            delay.as_secs(),
            MAX_RETRY_AFTER.as_secs()
        ),
        None => report.message.clone(),
    };
    let request_id = ["request-id", "x-request-id"].iter().find_map(|name| (reply.header)(name));
    let error = Error::new(kind, OPERATION, message).with_retry(retry).with("status", reply.status);
    describe(error, "response", &report, request_id)
}

/// The error that a provider reports inside a stream: `json` is the event that carries it.
pub fn stream_error(json: &str) -> Error {
    let report = Report::of_event(json);
    let (kind, retry) = classify(report.status, &report, false);
    describe(Error::new(kind, OPERATION, report.message.clone()).with_retry(retry), "stream", &report, None)
}

/// The error of a stream that ended before `missing` was seen.
pub fn cut_off(missing: &str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION, format!("the reply stopped before {missing}"))
        .with("phase", "stream")
        .with_retry(Retry::Backoff)
}

/// The error of an event, or a whole reply, that is not what the protocol says.
pub fn undecodable(source: serde_json::Error) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION, "the reply holds data that cannot be read")
        .with("phase", "stream")
        .with_source(source)
        .with_retry(Retry::Backoff)
}

fn describe(mut error: Error, phase: &'static str, report: &Report, request_id: Option<&str>) -> Error {
    if let Some(code) = report.code() {
        error = error.with("code", code);
    }
    error = error.with("phase", phase);
    match request_id.or(report.request_id.as_deref()) {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}

fn classify(status: Option<u16>, report: &Report, told_when: bool) -> (ErrorKind, Retry) {
    let about_size = !matches!(status, Some(401 | 403 | 429)) && !report.has_code(tables::RATE_CODES);
    if status == Some(413)
        || report.has_code(tables::OVERFLOW_CODES)
        || (about_size && tables::is_overflow_text(&report.message))
    {
        return (ErrorKind::ContextOverflow, Retry::Never);
    }
    // A provider that says when to come back does not mean an account without credit.
    let about_money = !told_when && matches!(status, None | Some(400 | 403 | 429));
    if status == Some(402)
        || report.has_code(tables::QUOTA_CODES)
        || (about_money && tables::is_quota_text(&report.message))
    {
        return (ErrorKind::QuotaExhausted, Retry::Never);
    }
    match status {
        Some(status) => status_kind(status),
        None => classify_relayed(report),
    }
}

/// What a status says of a failure by itself.
pub(crate) fn status_kind(status: u16) -> (ErrorKind, Retry) {
    match status {
        300..=399 => (ErrorKind::Config, Retry::Never),
        401 | 403 => (ErrorKind::Authentication, Retry::Never),
        404 => (ErrorKind::NotFound, Retry::Never),
        429 => (ErrorKind::RateLimited, Retry::Backoff),
        408 | 409 | 500.. => (ErrorKind::Unavailable, Retry::Backoff),
        _ => (ErrorKind::InvalidInput, Retry::Never),
    }
}

/// An error inside a stream has no status: its code decides, and its text where the code says nothing.
fn classify_relayed(report: &Report) -> (ErrorKind, Retry) {
    if let Some((_, kind, retry)) = tables::STREAM_CODES.iter().find(|(code, ..)| report.has_code(&[code])) {
        (*kind, *retry)
    } else if tables::is_transient_text(&report.message) {
        (ErrorKind::Unavailable, Retry::Backoff)
    } else {
        (ErrorKind::Unavailable, Retry::Never)
    }
}

#[cfg(test)]
mod tests;
