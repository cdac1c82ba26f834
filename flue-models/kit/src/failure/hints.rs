//! When a provider says to try again: the headers that both official SDKs obey.

use std::time::{Duration, SystemTime};

use flue_core::{ErrorKind, Retry};

use crate::HttpReply;

/// The longest that a provider's own delay is obeyed. A provider that asks for more is not asked again: a person would
/// rather know now.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The retry for `reply`, a failure of this kind, given the one suggested and the delay that is asked for; and the delay
/// that was too long to obey.
pub(super) fn apply(
    kind: ErrorKind,
    suggested: Retry,
    reply: &HttpReply<'_>,
    asked: Option<Duration>,
) -> (Retry, Option<Duration>) {
    let retry = match ((reply.header)("x-should-retry"), kind) {
        (_, ErrorKind::ContextOverflow | ErrorKind::QuotaExhausted) | (Some("false"), _) => Retry::Never,
        (Some("true"), _) => Retry::Backoff,
        _ => suggested,
    };
    match (retry, asked) {
        (Retry::Never, _) | (_, None) => (retry, None),
        (_, Some(delay)) if delay > MAX_RETRY_AFTER => (Retry::Never, Some(delay)),
        (_, Some(delay)) => (Retry::After(delay), None),
    }
}

/// The delay that the provider asks for: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(super) fn asked_delay(reply: &HttpReply<'_>) -> Option<Duration> {
    let number = |name, unit: f64| {
        let value: f64 = (reply.header)(name)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(value * unit).ok()
    };
    let date = || {
        let date = httpdate::parse_http_date((reply.header)("retry-after")?.trim()).ok()?;
        date.duration_since(SystemTime::now()).ok()
    };
    number("retry-after-ms", 1e-3).or_else(|| number("retry-after", 1.0)).or_else(date).filter(|delay| !delay.is_zero())
}
