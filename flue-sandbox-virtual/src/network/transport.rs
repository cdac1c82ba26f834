//! The HTTP client of a sandbox: every request is held against the rules, and every address that it would connect to.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bashkit::{HttpResponse, HttpTransport, HttpTransportError, HttpTransportRequest};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, Url, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::Rules;

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Sends what the rules allow.
pub(super) struct Transport {
    rules: Arc<Rules>,
    client: OnceLock<Client>,
}

impl Transport {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules: Arc::new(rules), client: OnceLock::new() }
    }

    /// The client, made at the first request: most sandboxes never make one.
    fn client(&self) -> Result<&Client, HttpTransportError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = build(&self.rules).map_err(|error| failed(&*error))?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn build(rules: &Arc<Rules>) -> Result<Client, BoxError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("flue/", env!("CARGO_PKG_VERSION")))
        // The engine follows redirects itself, and each one comes back here.
        .redirect(redirect::Policy::none())
        // The host's proxies are not the sandbox's.
        .no_proxy()
        .dns_resolver(Arc::new(RuledResolver(Arc::clone(rules))))
        .connect_timeout(CONNECT_TIMEOUT)
        // A connection belongs to the runtime it was made on, and every execution may have another one.
        .pool_max_idle_per_host(0)
        .build()?)
}

#[bashkit::async_trait]
impl HttpTransport for Transport {
    async fn execute(&self, request: HttpTransportRequest) -> Result<HttpResponse, HttpTransportError> {
        let url = Url::parse(&request.url).map_err(|error| failed(&error))?;
        let method = request.method.as_str();
        if let Some(reason) = self.rules.refuse(method, &url) {
            return Err(HttpTransportError::Denied(reason));
        }
        // A host that is an address needs no resolver. It is one of a prefix, so it was named.
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| failed(&error))?;
        let mut outgoing = self.client()?.request(method, url).timeout(request.timeout);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some(body) = request.body {
            outgoing = outgoing.body(body);
        }
        let mut response = outgoing.send().await.map_err(|error| sending(&error))?;
        let too_large =
            || HttpTransportError::TooLarge(format!("more than {} bytes", request.max_response_bytes));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| sending(&error))? {
            if body.len() + chunk.len() > request.max_response_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(HttpResponse { status: response.status().as_u16(), headers, body })
    }
}

/// Resolves names to the addresses that the rules open.
struct RuledResolver(Arc<Rules>);

impl Resolve for RuledResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            // The port is replaced by that of the URL.
            let found = tokio::net::lookup_host((host, 0)).await?;
            let open: Vec<SocketAddr> = found.filter(|address| rules.opens(host, address.ip())).collect();
            if open.is_empty() {
                return Err(BoxError::from(Closed));
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// A name stands for private addresses only.
#[derive(Debug, thiserror::Error)]
#[error("the host name stands for private addresses only, and none of them is allowed")]
struct Closed;

fn sending(error: &reqwest::Error) -> HttpTransportError {
    if error.is_timeout() {
        return HttpTransportError::Timeout;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<Closed>() {
            return HttpTransportError::Denied(cause.to_string());
        }
        source = cause.source();
    }
    failed(error)
}

/// An error with its causes. What a script may read of it is no secret: it names hosts that the policy names.
fn failed(error: &(dyn std::error::Error + 'static)) -> HttpTransportError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    HttpTransportError::Transport(text)
}
