//! Cloudflare's own bridge in Cloudflare's own runtime, over containers that are directories and processes of this machine.
//!
//! The bridge and the SDK under it are the packages that users deploy, unmodified. Made here are `ctx.container`, which the
//! platform gives elsewhere, and the server inside a container, as far as the SDK asks it over HTTP.

mod bridge;
mod container;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Faults;
use crate::http::{Handler, Request, Response, Server};
use crate::machine::Machine;
use bridge::Bridge;

/// The key that the bridge accepts.
pub const API_KEY: &str = "bridge-key-0000000000000000";

/// A container's home, as its users know it.
const HOME: &str = "/workspace";

/// A running bridge. Dropping it ends every container.
#[derive(Debug)]
pub struct Cloudflare {
    // Ends before what it speaks to.
    bridge: Bridge,
    _server: Server,
    faults: Faults,
    containers: Arc<Containers>,
}

/// Containers that were started, by the id of their durable object.
#[derive(Debug, Default)]
struct Containers(Mutex<BTreeMap<String, Arc<Machine>>>);

impl Containers {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Machine>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<Arc<Machine>> {
        self.all().get(id).cloned()
    }
}

impl Cloudflare {
    /// Installs what is missing into `packages`, and starts the bridge on a free port of the loopback address.
    ///
    /// # Errors
    /// What cannot be installed, built or started.
    pub async fn start(packages: &Path) -> io::Result<Self> {
        Self::with_instances(packages, 0).await
    }

    /// As [`Cloudflare::start`], for at most so many containers at a time; 0 for any number.
    ///
    /// # Errors
    /// As there.
    pub async fn with_instances(packages: &Path, instances: u32) -> io::Result<Self> {
        let containers = Arc::new(Containers::default());
        let faults = Faults::default();
        let at = containers.clone();
        let handler: Handler = Arc::new(move |request| {
            let containers = at.clone();
            Box::pin(async move { answer(&containers, request).await })
        });
        let server = Server::start(handler, faults.clone()).await?;
        let bridge = Bridge::start(packages, server.url().trim_start_matches("http://"), instances).await?;
        Ok(Self { bridge, _server: server, faults, containers })
    }

    /// The base address of the bridge.
    #[must_use]
    pub fn url(&self) -> &str {
        self.bridge.url()
    }

    /// Faults between the SDK and the containers.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends the container whose home is there, as a failing host does; whether there was one.
    #[must_use]
    pub fn die(&self, home: &Path) -> bool {
        let mut all = self.containers.all();
        let found = all.iter().find(|(_, machine)| machine.home() == home).map(|(id, _)| id.clone());
        found.and_then(|id| all.remove(&id)).inspect(|machine| machine.end()).is_some()
    }

    /// How many containers run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.containers.all().len()
    }
}

impl Drop for Cloudflare {
    fn drop(&mut self) {
        for machine in self.containers.all().values() {
            machine.end();
        }
    }
}

/// Answers for the platform (`start`, `wait`, `end`) and for the server in a container (`api/…`).
async fn answer(containers: &Arc<Containers>, request: Request) -> Response {
    let path = request.path.trim_start_matches('/').to_owned();
    let (id, part) = path.split_once('/').unwrap_or((&path, ""));
    match part {
        "start" => {
            let Ok(machine) = Machine::new(id, HOME) else { return Response::empty(500) };
            containers.all().insert(id.to_owned(), Arc::new(machine));
            Response::empty(204)
        }
        "end" => {
            if let Some(machine) = containers.all().remove(id) {
                machine.end();
            }
            Response::empty(204)
        }
        "wait" => {
            if let Some(machine) = containers.get(id) {
                let mut death = machine.death();
                drop(machine);
                // An error says that the machine is gone.
                let _ = death.wait_for(|dead| *dead).await;
            }
            Response::empty(204)
        }
        _ => match containers.get(id) {
            Some(machine) => container::answer(&machine, part, &request).await,
            None => Response::empty(502),
        },
    }
}
