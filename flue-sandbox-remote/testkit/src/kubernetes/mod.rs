//! A server that speaks the API of Kubernetes, as far as sandboxes need it: pods, `pods/exec`, and the claims of agent-sandbox.

mod api;
mod control;
mod exec;
mod object;
mod watch;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::Faults;
use crate::http::{Handler, Server};
use crate::machine::Machine;

/// The bearer token that the API server accepts.
pub const TOKEN: &str = "kubernetes-token-0000000000000000";
/// The namespace that everything is in.
pub const NAMESPACE: &str = "sandboxes";
/// The warm pool that there is.
pub const POOL: &str = "agents";

/// A thing's plural and its name.
type Key = (String, String);

/// A running server. Dropping it ends every pod.
#[derive(Debug)]
pub struct Kubernetes {
    server: Server,
    faults: Faults,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    machines: BTreeMap<String, Arc<Machine>>,
    version: u64,
    /// Whether exec speaks `v4.channel.k8s.io` alone.
    is_old: bool,
    /// Most things in one page of a list, whatever is asked for; no bound where there is none.
    page: Option<usize>,
    /// Whether pods have other names than their sandboxes.
    renames_pods: bool,
    /// Whether the next exec forgets to say how it ended.
    is_mute: bool,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kubernetes {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// If it cannot listen there.
    pub async fn start() -> io::Result<Self> {
        let (shared, faults) = (Arc::new(Shared::default()), Faults::default());
        control::furnish(&mut shared.state());
        let at = shared.clone();
        let handler: Handler = Arc::new(move |request| {
            let shared = at.clone();
            Box::pin(async move { api::answer(&shared, request) })
        });
        let server = Server::start(handler, faults.clone()).await?;
        Ok(Self { server, faults, shared })
    }

    /// The address of the API server.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The faults of this server.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Has exec speak `v4.channel.k8s.io` alone, as before Kubernetes 1.30.
    pub fn be_old(&self) {
        self.shared.state().is_old = true;
    }

    /// Gives lists in pages of so many things, however many are asked for.
    pub fn list_in_pages_of(&self, things: usize) {
        self.shared.state().page = Some(things);
    }

    /// Has a thing be deleted and stay for now, as what has a finalizer does.
    pub fn linger(&self, plural: &str, name: &str) {
        control::linger(&mut self.shared.state(), plural, name);
    }

    /// Gives pods that are made from now on other names than their sandboxes have.
    pub fn rename_pods(&self) {
        self.shared.state().renames_pods = true;
    }

    /// Has the next exec end without a status.
    pub fn be_mute_once(&self) {
        self.shared.state().is_mute = true;
    }

    /// The pod of a claim, or the pod of that name; none when there is none.
    #[must_use]
    pub fn pod(&self, name: &str) -> Option<String> {
        let state = self.shared.state();
        let claimed = state.objects.get(&("sandboxclaims".to_owned(), name.to_owned()));
        let pod = match claimed {
            Some(claim) => control::pod_of(&state, claim)?,
            None => name.to_owned(),
        };
        state.machines.contains_key(&pod).then_some(pod)
    }

    /// The directory of this machine in which a pod's commands start.
    #[must_use]
    pub fn home(&self, pod: &str) -> Option<PathBuf> {
        Some(self.shared.state().machines.get(pod)?.home())
    }

    /// Deletes a pod as a failing node does; whether there was one.
    #[must_use]
    pub fn die(&self, pod: &str) -> bool {
        control::remove_pod(&mut self.shared.state(), pod)
    }

    /// Replaces a pod by an empty one of the same name.
    ///
    /// # Errors
    ///
    /// If there is no such pod, or no room for its disk.
    pub fn come_back_empty(&self, pod: &str) -> io::Result<()> {
        control::replace(&mut self.shared.state(), pod)
    }

    /// Gives a thing a condition `Ready` that is false, for this reason, whatever its controller says.
    pub fn unready(&self, plural: &str, name: &str, reason: &str) {
        control::unready(&mut self.shared.state(), plural, name, reason);
    }

    /// A thing as the API shows it.
    #[must_use]
    pub fn shown(&self, plural: &str, name: &str) -> Option<Value> {
        self.shared.state().objects.get(&(plural.to_owned(), name.to_owned())).cloned()
    }

    /// Has claims and pods come up only after so long. By default it is a fifth of a second.
    pub fn come_up_after(&self, time: Duration) {
        let mut state = self.shared.state();
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        state.objects.insert((control::SETTINGS.to_owned(), String::new()), Value::from(millis));
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        for machine in self.shared.state().machines.values() {
            machine.end();
        }
    }
}
