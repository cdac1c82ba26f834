//! One request with the redirects that it leads to.

use std::time::{Duration, Instant};

use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode, Url};

use super::transport::{Failure, Request, Response, Transport};

/// Headers that belong to one origin and do not follow a redirect to another.
const SECRETS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The response that was reached, and the ones on the way to it.
pub(super) struct Fetched {
    pub(super) url: Url,
    pub(super) response: Response,
    pub(super) on_the_way: Vec<Response>,
    pub(super) elapsed: Duration,
}

/// Sends a request and, where a most of them is given, follows redirects; all within `timeout`.
pub(super) async fn fetch(
    transport: &Transport,
    mut request: Request,
    redirects: Option<usize>,
    timeout: Duration,
) -> Result<Fetched, Failure> {
    let started = Instant::now();
    let mut on_the_way = Vec::new();
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(Failure::Timeout);
        }
        let response = transport.send(request.clone(), left).await?;
        let (Some(url), Some(most)) = (target(&request.url, &response)?, redirects) else {
            return Ok(Fetched { url: request.url, response, on_the_way, elapsed: started.elapsed() });
        };
        if on_the_way.len() >= most {
            return Err(Failure::Redirects(most));
        }
        if url.origin() != request.url.origin() {
            request.headers.retain(|(name, _)| !SECRETS.contains(&name.to_ascii_lowercase().as_str()));
        }
        let status = response.status;
        // What browsers do, and so does curl (RFC 9110, section 15.4).
        let becomes_get = status == StatusCode::SEE_OTHER && request.method != Method::HEAD
            || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) && request.method == Method::POST;
        if becomes_get {
            request.method = Method::GET;
            request.body = None;
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        request.url = url;
        on_the_way.push(response);
    }
}

/// Where a response sends us.
fn target(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.header(LOCATION) else { return Ok(None) };
    url.join(&location).map(Some).map_err(|_| Failure::Malformed(format!("not a URL to be redirected to: {location}")))
}
