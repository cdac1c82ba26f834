//! What a cluster's refusals mean.

use std::time::Duration;

use flue_core::{Error, ErrorKind, Retry};
use flue_sandbox_remote_kit::Refused;

/// The most bytes of a cluster's own words that an error quotes.
const MAX_SAID_BYTES: usize = 1 << 10;

/// The error of a request, and whether it certainly did nothing.
///
/// Only what the API server says is quoted: other errors may show what a helper for credentials printed, or the address of a proxy.
pub(crate) fn failure(operation: &'static str, error: kube::Error) -> Refused {
    let status = match error {
        kube::Error::Api(status) => status,
        kube::Error::Auth(_) => {
            let why = "the kubeconfig's way to get credentials fails; try it with `kubectl get pods`";
            return Refused::unsent(Error::new(ErrorKind::Authentication, operation, why));
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => {
            let why = "the cluster cannot be reached, or the connection broke; look at its address and the network";
            return Error::new(ErrorKind::Unavailable, operation, why).with_retry(Retry::Backoff).into();
        }
        _ => {
            let why = "the cluster answers otherwise than its interface says; look at the address and its version";
            return Error::new(ErrorKind::Protocol, operation, why).into();
        }
    };
    let (kind, why) = meaning(status.code);
    let wait = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    let retry = match kind {
        ErrorKind::RateLimited | ErrorKind::Unavailable if wait > 0 => Retry::After(Duration::from_secs(wait.into())),
        ErrorKind::RateLimited | ErrorKind::Unavailable => Retry::Backoff,
        _ => Retry::Never,
    };
    let error = Error::new(kind, operation, why).with("status", status.code).with_retry(retry);
    let error = error.with("reason", bounded(&status.reason)).with("said", bounded(&status.message));
    Refused { error, unsent: status.code == 429 }
}

fn meaning(status: u16) -> (ErrorKind, &'static str) {
    match status {
        401 => (ErrorKind::Authentication, "the cluster does not accept the credentials; look at the kubeconfig"),
        403 => (ErrorKind::PermissionDenied, "the account may not do this in the namespace; give it the role it needs"),
        404 => {
            (ErrorKind::NotFound, "the cluster has no such thing; it was deleted, or agent-sandbox is not installed")
        }
        409 => (ErrorKind::Conflict, "something of this name exists, or changes; open the sandbox again, or delete it"),
        429 => (ErrorKind::RateLimited, "the cluster asks for fewer requests"),
        400..=499 => (ErrorKind::InvalidInput, "the cluster does not take the request; look at what it says"),
        500..=599 => (ErrorKind::Unavailable, "the cluster fails; try again later"),
        _ => (ErrorKind::Protocol, "the cluster answers otherwise than its interface says; look at the address"),
    }
}

/// A cluster's own words, cut.
pub(crate) fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_SAID_BYTES);
    let cut = if end < text.len() { " …" } else { "" };
    format!("{}{cut}", &text[..end])
}
