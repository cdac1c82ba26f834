//! A server that speaks E2B: the control API and `envd`, the process and file services inside a sandbox.

mod control;
mod entry;
mod files;
mod filesystem;
mod process;
mod sandbox;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::Faults;
use crate::http::{Handler, Request, Response, Server};
use sandbox::{Sandbox, State};

/// The key that the control API accepts.
pub const API_KEY: &str = "e2b_0000000000000000000000000000000000000000";

/// Most sandboxes in one page of a listing, unless a test says otherwise.
const PAGE: usize = 100;

/// A running server. Dropping it ends every sandbox.
#[derive(Debug)]
pub struct E2b {
    control: Server,
    envd: Server,
    faults: Faults,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Every sandbox, by id.
    sandboxes: Mutex<BTreeMap<String, Arc<Sandbox>>>,
    /// Most sandboxes in one page of a listing.
    page: AtomicUsize,
    /// Whether listings take no notice of metadata.
    lists_all: AtomicBool,
    /// Whether the account's key came to what runs inside a sandbox.
    gave_key_away: AtomicBool,
}

impl Shared {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Sandbox>>> {
        self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sandbox of this id, unless its time is over.
    fn get(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.sweep();
        self.all().get(id).cloned()
    }

    /// Ends the sandboxes whose time is over.
    fn sweep(&self) {
        self.all().retain(|_, sandbox| {
            let over = sandbox.is_over();
            if over {
                sandbox.end();
            }
            !over
        });
    }

    fn remove(&self, id: &str) -> bool {
        let removed = self.all().remove(id);
        removed.as_ref().inspect(|sandbox| sandbox.end()).is_some()
    }
}

impl E2b {
    /// Listens on two free ports of the loopback address.
    ///
    /// # Errors
    ///
    /// If it cannot listen there.
    pub async fn start() -> io::Result<Self> {
        let (sandboxes, page) = (Mutex::default(), AtomicUsize::new(PAGE));
        let (lists_all, gave_key_away) = (AtomicBool::default(), AtomicBool::default());
        let shared = Arc::new(Shared { sandboxes, page, lists_all, gave_key_away });
        let faults = Faults::default();
        let at = shared.clone();
        let control: Handler = Arc::new(move |request| {
            let shared = at.clone();
            Box::pin(async move { control::answer(&shared, &request) })
        });
        let at = shared.clone();
        let envd: Handler = Arc::new(move |request| {
            let shared = at.clone();
            Box::pin(answer(shared, request))
        });
        let control = Server::start(control, faults.clone()).await?;
        let envd = Server::start(envd, faults.clone()).await?;
        Ok(Self { control, envd, faults, shared })
    }

    /// The base address of the control API.
    #[must_use]
    pub fn api_url(&self) -> String {
        self.control.url()
    }

    /// The address of every sandbox's `envd`; the header `E2b-Sandbox-Id` says which is meant.
    #[must_use]
    pub fn sandbox_url(&self) -> String {
        self.envd.url()
    }

    /// The faults of this server.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The home directory of a sandbox on this machine; none when there is no such sandbox.
    #[must_use]
    pub fn home(&self, id: &str) -> Option<PathBuf> {
        Some(self.shared.get(id)?.home())
    }

    /// What a sandbox was asked for with: the body of the request.
    #[must_use]
    pub fn asked(&self, id: &str) -> Option<Value> {
        Some(self.shared.get(id)?.asked().clone())
    }

    /// Gives listings in pages of so many sandboxes. By default it is a hundred.
    pub fn list_in_pages_of(&self, sandboxes: usize) {
        self.shared.page.store(sandboxes, Ordering::SeqCst);
    }

    /// Has listings take no notice of metadata.
    pub fn list_all(&self) {
        self.shared.lists_all.store(true, Ordering::SeqCst);
    }

    /// Whether the account's key was ever sent to what runs inside a sandbox.
    #[must_use]
    pub fn gave_key_away(&self) -> bool {
        self.shared.gave_key_away.load(Ordering::SeqCst)
    }

    /// Ends a sandbox as a failing host does; whether there was one.
    #[must_use]
    pub fn die(&self, id: &str) -> bool {
        self.shared.remove(id)
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

impl Drop for E2b {
    fn drop(&mut self) {
        for sandbox in self.shared.all().values() {
            sandbox.end();
        }
    }
}

/// Answers what goes to `envd`.
async fn answer(shared: Arc<Shared>, request: Request) -> Response {
    let id = request.header("e2b-sandbox-id").unwrap_or("").to_owned();
    let Some(sandbox) = shared.get(&id).filter(|sandbox| sandbox.state() == State::Running) else {
        return Response::json(502, &json!({"sandboxId": id, "message": "The sandbox was not found", "code": 502}));
    };
    if request.header("x-api-key").is_some() {
        shared.gave_key_away.store(true, Ordering::SeqCst);
    }
    if request.path == "/health" {
        return Response::empty(204);
    }
    if request.header("x-access-token") != Some(sandbox.token()) && !files::is_signed(&request, sandbox.token()) {
        return Response::json(401, &json!({"code": "unauthenticated", "message": "unauthorized access"}));
    }
    if let Some(after) = request.die_after {
        let shared = shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            shared.remove(&id);
        });
    }
    match request.path.as_str() {
        "/files" => files::answer(&sandbox, &request),
        path => match path.trim_start_matches('/').split_once('/') {
            Some(("filesystem.Filesystem", method)) => filesystem::answer(&sandbox, method, &request.json()),
            Some(("process.Process", method)) => process::answer(&sandbox, method, &request).await,
            _ => Response::json(404, &json!({"code": "unimplemented", "message": "404 page not found"})),
        },
    }
}
