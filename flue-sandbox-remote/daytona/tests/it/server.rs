//! The server, and what is opened on it.

use std::sync::Arc;

use flue_core::{Error, ErrorKind, OpenRequest};
use flue_sandbox_remote_daytona::Daytona;
use flue_sandbox_remote_kit::{Remote, RemoteSandbox};
use flue_sandbox_remote_testkit::Faults;
use flue_sandbox_remote_testkit::daytona::{self as fake, API_KEY, Habits};
use tokio::sync::Mutex;

/// Held by tests that keep the machine busy, one at a time: what they do has limits of time.
pub(crate) static BUSY: Mutex<()> = Mutex::const_new(());

pub(crate) struct Server(pub(crate) fake::Daytona);

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Habits::default()).await
    }

    pub(crate) async fn with(habits: Habits) -> Self {
        Self(fake::Daytona::with(habits).await.unwrap())
    }

    pub(crate) fn daytona(&self) -> Daytona {
        Daytona::new(API_KEY).unwrap().address(&self.0.api_url()).unwrap()
    }

    pub(crate) fn remote(&self) -> Remote {
        Remote::new(self.daytona())
    }

    pub(crate) async fn open(&self) -> Arc<RemoteSandbox> {
        self.remote().create(OpenRequest::new("test")).await.unwrap()
    }

    pub(crate) fn faults(&self) -> &Faults {
        self.0.faults()
    }

    /// How many requests were answered whose `METHOD /path` contains `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.0.seen().iter().filter(|line| line.contains(part)).count()
    }
}

/// Whether an error says that a sandbox died, for `reason`.
pub(crate) fn is_death(error: &Error, reason: &str) -> bool {
    error.kind() == ErrorKind::SandboxDied && error.fact("reason") == Some(reason)
}
