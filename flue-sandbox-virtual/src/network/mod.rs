//! What `curl` and `wget` may reach, and the two themselves.
//!
//! - [`NetworkPolicy`] is what a user says, `Rules` what a request is held against
//! - [`transport`] sends a request that the rules allow, [`fetch`] follows its redirects
//! - [`curl`] and [`wget`] are the commands, over [`options`] and [`body`]

mod body;
mod curl;
mod fetch;
mod options;
mod transport;
mod wget;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bashkit::BashBuilder;
use flue_core::reach::ReachLog;
use flue_core::{Error, ErrorKind, Result, is_special_address};
use reqwest::Url;

use self::curl::Curl;
use self::transport::Transport;
use self::wget::Wget;

/// The methods that a policy allows unless it says otherwise: those that change nothing.
const METHODS: [&str; 2] = ["GET", "HEAD"];
/// The only host name that stands for private addresses by definition (RFC 6761, section 6.3).
const LOCALHOST: &str = "localhost";

/// What the emulated `curl` and `wget` may reach: URLs below named prefixes, and nothing else.
///
/// Scheme, host and port of a URL have to equal those of a prefix, and its path has to begin with the prefix's, up to a `/`.
/// The same holds for every redirect on the way. Private, loopback, link-local and other special addresses stay closed,
/// checked when the connection is made; each one that is meant has to be named, as the host of a prefix
/// (`http://127.0.0.1:8080/`, `http://localhost/`) or with [`NetworkPolicy::with_private_address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPolicy {
    prefixes: Vec<String>,
    methods: BTreeSet<String>,
    private: BTreeSet<IpAddr>,
    timeout: Duration,
    response_bytes: usize,
}

impl NetworkPolicy {
    /// The default of [`NetworkPolicy::with_timeout`]: 30 s.
    pub const TIMEOUT: Duration = Duration::from_secs(30);
    /// The default of [`NetworkPolicy::with_response_bytes`]: 10 MiB.
    pub const RESPONSE_BYTES: usize = 10 << 20;

    /// Opens the URLs below these prefixes to `GET` and `HEAD`.
    pub fn allow<P: Into<String>>(prefixes: impl IntoIterator<Item = P>) -> Self {
        Self {
            prefixes: prefixes.into_iter().map(Into::into).collect(),
            methods: METHODS.map(str::to_owned).into(),
            private: BTreeSet::new(),
            timeout: Self::TIMEOUT,
            response_bytes: Self::RESPONSE_BYTES,
        }
    }

    /// Sets the methods that may be used.
    #[must_use]
    pub fn with_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.methods = methods.into_iter().map(|method| method.into().to_ascii_uppercase()).collect();
        self
    }

    /// Lets the names of the prefixes stand for this private address.
    #[must_use]
    pub fn with_private_address(mut self, address: IpAddr) -> Self {
        self.private.insert(address);
        self
    }

    /// Sets the longest that one request may take, unless the script sets less.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the largest body of a response, in bytes.
    #[must_use]
    pub fn with_response_bytes(mut self, bytes: usize) -> Self {
        self.response_bytes = bytes;
        self
    }

    /// The prefixes, as they were given.
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }
}

/// A policy at work.
#[derive(Debug, Clone)]
pub(crate) struct Network(Arc<Transport>);

impl Network {
    /// # Errors
    /// [`ErrorKind::Config`] for a prefix that is no URL prefix.
    pub(crate) fn new(policy: &NetworkPolicy) -> Result<Self> {
        let rules = Rules {
            prefixes: policy.prefixes.iter().map(|prefix| parse_prefix(prefix)).collect::<Result<_>>()?,
            methods: policy.methods.clone(),
            private: policy.private.clone(),
            timeout: policy.timeout,
            response_bytes: policy.response_bytes,
        };
        Ok(Self(Arc::new(Transport::new(rules))))
    }

    /// Gives a shell what it may reach.
    pub(crate) fn install(&self, builder: BashBuilder, reach: Option<&Arc<ReachLog>>) -> BashBuilder {
        let transport = Arc::new(self.0.with_reach(reach));
        builder.command("curl", Curl(Arc::clone(&transport))).command("wget", Wget(transport))
    }
}

fn parse_prefix(prefix: &str) -> Result<Url> {
    let unusable = |why: &'static str| Err(Error::new(ErrorKind::Config, "open", why).with("prefix", prefix));
    let Ok(url) = Url::parse(prefix) else {
        return unusable("a network prefix has to be a URL such as https://api.example.com/v1/");
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return unusable("a network prefix has to begin with http:// or https:// and a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the error: it may be a credential.
        return Err(Error::new(ErrorKind::Config, "open", "a network prefix cannot hold a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return unusable("a network prefix cannot hold a query or fragment");
    }
    Ok(url)
}

/// A policy in the form in which it is checked.
#[derive(Debug)]
struct Rules {
    prefixes: Vec<Url>,
    methods: BTreeSet<String>,
    private: BTreeSet<IpAddr>,
    timeout: Duration,
    response_bytes: usize,
}

impl Rules {
    /// Why this request is not allowed, if it is not.
    fn refuse(&self, method: &str, url: &Url) -> Option<String> {
        if !self.prefixes.iter().any(|prefix| is_below(url, prefix)) {
            return Some(format!("{} is not below an allowed URL prefix", shown(url)));
        }
        if !self.methods.contains(method) {
            let allowed: Vec<&str> = self.methods.iter().map(|method| &**method).collect();
            return Some(format!("the method {method} is not allowed, only {}", allowed.join(", ")));
        }
        None
    }

    /// Whether a connection to this address may be made for the host of an allowed URL.
    fn opens(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if !is_special_address(address) || self.private.contains(&address) {
            return true;
        }
        // Whoever wrote such a host into a prefix meant it; other names are others' to point anywhere.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        literal.is_ok_and(|literal| literal.to_canonical() == address)
            || (host.eq_ignore_ascii_case(LOCALHOST) && address.is_loopback())
    }
}

/// Whether `url` lies below `prefix`.
fn is_below(url: &Url, prefix: &Url) -> bool {
    if url.origin() != prefix.origin() {
        return false;
    }
    let (path, base) = (url.path(), prefix.path().trim_end_matches('/'));
    if base.is_empty() {
        return true;
    }
    // Some servers take these for separators, and would let `..` climb over the prefix.
    let lower = path.to_ascii_lowercase();
    if lower.contains("%2f") || lower.contains("%5c") {
        return false;
    }
    match path.strip_prefix(base) {
        // Without the `/` that a prefix ends with, a URL is not below it.
        Some("") => !prefix.path().ends_with('/'),
        Some(rest) => rest.starts_with('/'),
        None => false,
    }
}

/// A URL for people: without what may be secret.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(prefixes: &[&str]) -> Rules {
        let policy = NetworkPolicy::allow(prefixes.iter().copied());
        Rules {
            prefixes: prefixes.iter().map(|prefix| parse_prefix(prefix).unwrap()).collect(),
            methods: policy.methods,
            private: policy.private,
            timeout: policy.timeout,
            response_bytes: policy.response_bytes,
        }
    }

    fn allows(prefix: &str, url: &str) -> bool {
        rules(&[prefix]).refuse("GET", &Url::parse(url).unwrap()).is_none()
    }

    #[test]
    fn a_url_is_allowed_below_a_prefix_only() {
        for (prefix, url, allowed) in [
            ("https://a.example", "https://a.example/", true),
            ("https://a.example/", "https://a.example/x?y=z", true),
            ("https://a.example", "https://a.example:443/x", true),
            ("https://a.example", "http://a.example/", false),
            ("https://a.example", "https://a.example:444/", false),
            ("https://a.example", "https://a.example.evil.example/", false),
            ("https://a.example", "https://b.a.example/", false),
            ("https://a.example", "https://a.example@evil.example/", false),
            ("https://a.example/v1", "https://a.example/v1", true),
            ("https://a.example/v1", "https://a.example/v1/x", true),
            ("https://a.example/v1", "https://a.example/v10", false),
            ("https://a.example/v1", "https://a.example/", false),
            ("https://a.example/v1/", "https://a.example/v1/x", true),
            ("https://a.example/v1/", "https://a.example/v1", false),
            ("https://a.example/v1", "https://a.example/v1/../admin", false),
            ("https://a.example/v1", "https://a.example/v1/%2e%2e/admin", false),
            ("https://a.example/v1", "https://a.example/v1/..%2fadmin", false),
            ("https://a.example/v1", "https://a.example/v1\\..\\admin", false),
        ] {
            assert_eq!(allows(prefix, url), allowed, "{prefix} {url}");
        }
    }

    #[test]
    fn methods_that_change_things_have_to_be_named() {
        let url = Url::parse("https://a.example/").unwrap();
        let mut rules = rules(&["https://a.example"]);
        assert!(rules.refuse("HEAD", &url).is_none());
        assert_eq!(rules.refuse("POST", &url).unwrap(), "the method POST is not allowed, only GET, HEAD");
        rules.methods = NetworkPolicy::allow([""]).with_methods(["post"]).methods;
        assert!(rules.refuse("POST", &url).is_none() && rules.refuse("GET", &url).is_some());
    }

    #[test]
    fn private_addresses_are_closed_unless_named() {
        let rules = Rules { private: ["10.0.0.7".parse().unwrap()].into(), ..rules(&["http://a.example"]) };
        for (host, address, open) in [
            ("a.example", "93.184.216.34", true),
            ("a.example", "127.0.0.1", false),
            ("a.example", "::1", false),
            ("a.example", "::ffff:127.0.0.1", false),
            ("a.example", "64:ff9b::a9fe:a9fe", false),
            ("a.example", "169.254.169.254", false),
            ("a.example", "192.168.1.1", false),
            ("a.example", "0.0.0.0", false),
            ("a.example", "10.0.0.8", false),
            ("a.example", "10.0.0.7", true),
            ("a.example", "::ffff:10.0.0.7", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("[::1]", "::1", true),
            ("localhost", "127.0.0.1", true),
            ("LocalHost", "::1", true),
            ("localhost", "192.168.1.1", false),
            ("localhost.evil.example", "127.0.0.1", false),
        ] {
            assert_eq!(rules.opens(host, address.parse().unwrap()), open, "{host} {address}");
        }
    }

    #[test]
    fn a_prefix_has_to_be_one() {
        for prefix in
            ["", "example.com", "ftp://a.example", "https://", "https://u:secret@a.example", "https://a.example?x=y"]
        {
            let error = Network::new(&NetworkPolicy::allow([prefix])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{prefix}");
            assert!(!format!("{error:?}").contains("secret"));
        }
    }
}
