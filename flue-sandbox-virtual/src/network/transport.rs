//! The HTTP client of a sandbox: every request is held against the rules, and every address that it would connect to.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flue_core::reach::ReachLog;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url, Version, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::Rules;

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One request, without what leads to others.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

/// What came back.
pub(super) struct Response {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// A header as text; the first one of several.
    pub(super) fn header(&self, name: HeaderName) -> Option<String> {
        self.headers.get(name).map(text)
    }

    /// The status line and the headers as they went over the wire, up to the empty line.
    pub(super) fn head(&self) -> String {
        let status = self.status.as_u16();
        let reason = self.status.canonical_reason().unwrap_or_default();
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", text(value)));
        format!("{:?} {status} {reason}\r\n{}\r\n", self.version, lines.collect::<String>())
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("access denied: {0}")]
    Denied(String),
    #[error("{0}")]
    Malformed(String),
    #[error("could not resolve host: {0}")]
    Resolve(String),
    #[error("could not connect to server: {0}")]
    Connect(String),
    #[error("operation timed out")]
    Timeout,
    #[error("the response is larger than the {0} bytes allowed")]
    TooLarge(usize),
    #[error("maximum ({0}) redirects followed")]
    Redirects(usize),
    #[error("{0}")]
    Broken(String),
}

/// Sends what the rules allow.
pub(super) struct Transport {
    rules: Arc<Rules>,
    client: Arc<OnceLock<Client>>,
    /// Where it is said which hosts are contacted.
    reach: Option<Arc<ReachLog>>,
}

impl Transport {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules: Arc::new(rules), client: Arc::default(), reach: None }
    }

    /// The same, for one execution.
    pub(super) fn with_reach(&self, reach: Option<&Arc<ReachLog>>) -> Self {
        Self { rules: Arc::clone(&self.rules), client: Arc::clone(&self.client), reach: reach.cloned() }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Sends one request, and reads the whole response. Redirects are not followed.
    pub(super) async fn send(&self, request: Request, timeout: Duration) -> Result<Response, Failure> {
        // A host that is an address is not resolved. It is that of a prefix, so it was named.
        let refused = self.rules.refuse(request.method.as_str(), &request.url);
        if let (Some(reach), Some(host)) = (&self.reach, request.url.host_str()) {
            let port = request.url.port_or_known_default().unwrap_or_default();
            match &refused {
                None => reach.host(host, port),
                Some(_) => reach.refused("connect", &format!("{host}:{port}")),
            }
        }
        if let Some(reason) = refused {
            return Err(Failure::Denied(reason));
        }
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let failed = |error: reqwest::Error| failure(&host, &error);
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let malformed = || Failure::Malformed(format!("not a header: {name}"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| malformed())?);
        }
        let mut outgoing = self.client()?.request(request.method, request.url).timeout(timeout).headers(headers);
        if let Some(body) = request.body {
            outgoing = outgoing.body(body);
        }
        let mut incoming = outgoing.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(piece) = incoming.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > self.rules.response_bytes {
                return Err(Failure::TooLarge(self.rules.response_bytes));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Response {
            version: incoming.version(),
            status: incoming.status(),
            headers: std::mem::take(incoming.headers_mut()),
            body,
        })
    }

    /// The client, made at the first request: most sandboxes never make one.
    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = build(&self.rules).map_err(|error| Failure::Broken(chain(&*error)))?;
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
        // Each hop is a request of its own, to be held against the rules.
        .redirect(redirect::Policy::none())
        // The host's proxies are not the sandbox's.
        .no_proxy()
        .dns_resolver(Arc::new(RuledResolver(Arc::clone(rules))))
        .connect_timeout(CONNECT_TIMEOUT)
        // A connection belongs to the runtime it was made on, and every execution may have another one.
        .pool_max_idle_per_host(0)
        .build()?)
}

/// Resolves names to the addresses that the rules open.
struct RuledResolver(Arc<Rules>);

impl Resolve for RuledResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            // The port is replaced by that of the URL.
            let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| Unresolved)?;
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
#[error("the host stands for private addresses only, and none of them is allowed")]
struct Closed;

/// A name stands for nothing.
#[derive(Debug, thiserror::Error)]
#[error("unknown host")]
struct Unresolved;

fn failure(host: &str, error: &reqwest::Error) -> Failure {
    let caused_by = |is: fn(&(dyn std::error::Error + 'static)) -> bool| {
        let mut cause = std::error::Error::source(error);
        while let Some(found) = cause {
            if is(found) {
                return true;
            }
            cause = found.source();
        }
        false
    };
    if caused_by(|cause| cause.is::<Closed>()) {
        Failure::Denied(Closed.to_string())
    } else if caused_by(|cause| cause.is::<Unresolved>()) {
        Failure::Resolve(host.to_owned())
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Connect(chain(error))
    } else {
        Failure::Broken(chain(error))
    }
}

/// An error with its causes. No secret for a script: it names hosts that the policy names.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        text.push_str(": ");
        text.push_str(&found.to_string());
        cause = found.source();
    }
    text
}
