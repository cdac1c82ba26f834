//! A server that speaks Daytona: the control API, and the toolbox, the daemon inside a sandbox, behind its proxy.

mod control;
mod execute;
mod files;
mod multipart;
mod sandbox;
mod session;
mod toolbox;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::Faults;
use crate::http::{Handler, Request, Response, Server};
use sandbox::Sandbox;

/// The key that the control API and the toolbox accept.
pub const API_KEY: &str = "dtn_0000000000000000000000000000000000000000";
/// The token that they accept together with [`ORGANIZATION`].
pub const JWT: &str = "eyJhbGciOiJub25lIn0.e30.0000";
/// The organisation of [`JWT`].
pub const ORGANIZATION: &str = "organization-of-the-tests";

/// How often lives are looked at.
const TICK: Duration = Duration::from_millis(50);

/// What a server does differently from the others of its kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Habits {
    /// How long a minute of an interval lasts.
    pub minute: Duration,
    /// Whether the daemon has `/files/upload-v2`; that of v0.190 has not.
    pub upload_v2: bool,
    /// Whether network settings are taken. They are ignored otherwise, as where an organisation's own rules stand above them.
    pub network_settings: bool,
    /// How long a command may take that says no limit; daemons have differed.
    pub default_limit: Option<Duration>,
    /// How long after a start the proxy still says that the sandbox does not run.
    pub proxy_lag: Duration,
    /// How many sandboxes a page of a listing has at most; 0 for one array without pages, as of v0.190.
    pub page: usize,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            minute: Duration::from_secs(60),
            upload_v2: true,
            network_settings: true,
            default_limit: None,
            proxy_lag: Duration::ZERO,
            page: 100,
        }
    }
}

/// A running server. Dropping it ends every sandbox.
#[derive(Debug)]
pub struct Daytona {
    server: Server,
    faults: Faults,
    shared: Arc<Shared>,
    ticking: AbortHandle,
}

/// Every sandbox, by id.
#[derive(Debug)]
struct Shared {
    habits: Habits,
    base: Mutex<String>,
    sandboxes: Mutex<BTreeMap<String, Arc<Sandbox>>>,
    /// The request lines that were answered, oldest first.
    seen: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Sandbox>>> {
        lock(&self.sandboxes)
    }

    /// The sandbox of this id or name, as long as it is told of.
    fn get(&self, id_or_name: &str) -> Option<Arc<Sandbox>> {
        self.tick();
        let all = self.all();
        all.get(id_or_name).or_else(|| all.values().find(|sandbox| sandbox.is_named(id_or_name))).cloned()
    }

    /// Stops and deletes what is to be.
    fn tick(&self) {
        self.all().retain(|_, sandbox| sandbox.tick(self.habits.minute));
    }

    /// Where a sandbox's toolbox is, without its id.
    fn toolbox(&self) -> String {
        format!("{}/toolbox", lock(&self.base))
    }
}

impl Daytona {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// If it cannot listen there.
    pub async fn start() -> io::Result<Self> {
        Self::with(Habits::default()).await
    }

    /// As [`Daytona::start`], with other habits.
    ///
    /// # Errors
    ///
    /// If it cannot listen.
    pub async fn with(habits: Habits) -> io::Result<Self> {
        let (base, sandboxes, seen) = Default::default();
        let shared = Arc::new(Shared { habits, base, sandboxes, seen });
        let faults = Faults::default();
        let at = shared.clone();
        let handler: Handler = Arc::new(move |request| Box::pin(answer(at.clone(), request)));
        let server = Server::start(handler, faults.clone()).await?;
        *lock(&shared.base) = server.url();
        let at = shared.clone();
        let ticking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                at.tick();
            }
        });
        Ok(Self { server, faults, shared, ticking: ticking.abort_handle() })
    }

    /// The base address of the control API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api", self.server.url())
    }

    /// The faults of this server.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The `METHOD /path` of each request that was answered, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        lock(&self.shared.seen).clone()
    }

    /// The home directory of a sandbox on this machine; none when there is no such sandbox.
    #[must_use]
    pub fn home(&self, id: &str) -> Option<PathBuf> {
        Some(self.shared.get(id)?.machine().home())
    }

    /// Ends a sandbox as a failing host does; whether there was one.
    #[must_use]
    pub fn die(&self, id: &str) -> bool {
        self.shared.all().remove(id).inspect(|sandbox| sandbox.machine().end()).is_some()
    }

    /// Has the state of a sandbox be `error`, with none of its processes; whether there was one.
    #[must_use]
    pub fn fail(&self, id: &str) -> bool {
        self.shared.get(id).inspect(|sandbox| sandbox.fail()).is_some()
    }

    /// Gives a sandbox an empty disk under the same id, with none of its processes.
    ///
    /// # Errors
    ///
    /// If there is no such sandbox, or no room for its disk.
    pub fn come_back_empty(&self, id: &str) -> io::Result<()> {
        self.shared.get(id).ok_or(io::ErrorKind::NotFound)?.come_back_empty()
    }
}

impl Drop for Daytona {
    fn drop(&mut self) {
        self.ticking.abort();
        for sandbox in self.shared.all().values() {
            sandbox.machine().end();
        }
    }
}

async fn answer(shared: Arc<Shared>, request: Request) -> Response {
    let response = match request.path.strip_prefix("/api") {
        Some(_) if !is_allowed(&request) => control::error(401, "UNAUTHORIZED", "Unauthorized"),
        Some(path) => control::answer(&shared, &request, path),
        None => match request.path.strip_prefix("/toolbox/").and_then(|rest| rest.split_once('/')) {
            Some(_) if !is_allowed(&request) => toolbox::error("DAYTONA_PROXY", 401, "UNAUTHORIZED", "Unauthorized"),
            Some((id, path)) => toolbox::answer(&shared, &request, id, path).await,
            None => control::error(404, "NOT_FOUND", &format!("Cannot {} {}", request.method, request.path)),
        },
    };
    lock(&shared.seen).push(format!("{} {}", request.method, request.path));
    response
}

/// Whether a request carries a key, or a token with its organisation.
fn is_allowed(request: &Request) -> bool {
    let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match bearer {
        Some(API_KEY) => true,
        Some(JWT) => request.header("x-daytona-organization-id") == Some(ORGANIZATION),
        _ => false,
    }
}
