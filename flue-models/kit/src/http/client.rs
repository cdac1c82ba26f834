//! The HTTP client that models share.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result};
use reqwest::{Client, redirect};

use super::roots;
use crate::failure::OPERATION;

/// How long making a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a server may be silent, before its reply and within it. A turn as a whole has no limit here: reasoning takes
/// the time it takes, and servers send pings through it.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How an [`Http`] handle is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub idle_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { connect_timeout: CONNECT_TIMEOUT, idle_timeout: IDLE_TIMEOUT }
    }
}

impl HttpOptions {
    /// Sets how long a server may be silent.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// Sets how long making a connection may take.
    #[must_use]
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }
}

/// A connection pool that models share; clones are the same pool.
///
/// It honours the proxy variables of the environment (`HTTPS_PROXY`, `NO_PROXY`, …) and the certificates of the system,
/// follows no redirects, which would carry credentials to other hosts, and retries nothing. Its connections belong to
/// the tokio runtime they were made on.
#[derive(Clone, Default)]
pub struct Http(Arc<Inner>);

#[derive(Default)]
struct Inner {
    options: HttpOptions,
    client: OnceLock<Client>,
}

impl Http {
    /// A pool that is set up at its first request.
    pub fn new(options: HttpOptions) -> Self {
        Self(Arc::new(Inner { options, client: OnceLock::new() }))
    }

    pub(super) fn options(&self) -> &HttpOptions {
        &self.0.options
    }

    pub(super) fn client(&self) -> Result<&Client> {
        if let Some(client) = self.0.client.get() {
            return Ok(client);
        }
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Config, OPERATION, "the HTTP client cannot be set up").with_source(source)
        };
        let client = Client::builder()
            .tls_backend_preconfigured(roots::config().map_err(|error| failed(error.into()))?)
            .user_agent(concat!("flue/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(self.0.options.connect_timeout)
            .read_timeout(self.0.options.idle_timeout)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| failed(error.into()))?;
        Ok(self.0.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Http").field(&self.0.options).finish()
    }
}
