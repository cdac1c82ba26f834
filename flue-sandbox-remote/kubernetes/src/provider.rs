//! Machines: claimed from a warm pool or made from an image, found by label, prolonged, deleted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::{
    Driver, Facts, Labels, Machine as Listed, OWNER_LABEL, Offers, Provider, Secret, Spec, died, discard, run_script,
};
use kube::api::DynamicObject;
use tokio::time::sleep;

use crate::cluster::{Cluster, Kind};
use crate::exec::Place;
use crate::machine::Machine;
use crate::object;

/// How long a machine may take until it takes scripts: images are pulled, nodes are added.
const READY_LIMIT: Duration = Duration::from_secs(600);
/// The first pause between two looks at a machine that comes up, and the longest; each is half as long again as the last.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOK_SELDOM: Duration = Duration::from_secs(2);
/// The annotation of a sandbox whose pod has another name.
const POD_NAME: &str = "agents.x-k8s.io/pod-name";
/// Scripts go in the address of a request, which has three bytes for what is special; an API server takes a MiB (Go, `DefaultMaxHeaderBytes`).
const SCRIPT_BYTES: usize = 64 << 10;
/// The workspace's directory, below the one in which the container's commands start, if no other is named.
const DIRECTORY: &str = "workspace";
/// Makes it and says where it is. Its path may be another than it seems.
const PREPARE: &str = r#"if m=$(mkdir -p -- "$1" 2>&1) && cd -- "$1" && [ -w . ]; then printf 'ok%s' "$(pwd -P)"; else printf 'no%s' "$m"; fi"#;
/// The most that this says.
const PREPARE_BYTES: usize = 8 << 10;

#[derive(Debug, Clone)]
enum Origin {
    Pool(String),
    Image(String),
}

/// Pods of a Kubernetes cluster, each a workspace.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    cluster: Cluster,
    origin: Origin,
    directory: String,
    container: Option<String>,
}

impl Kubernetes {
    /// Sandboxes claimed from a `SandboxWarmPool` of agent-sandbox, on the cluster that `kubectl` would take or that this runs in.
    pub fn pool(name: impl Into<String>) -> Self {
        Self::new(Origin::Pool(name.into()), None)
    }

    /// Pods of `image`, which needs `/bin/sh` and `tail`, on the same cluster. Nothing has to be installed there.
    pub fn image(image: impl Into<String>) -> Self {
        Self::new(Origin::Image(image.into()), Some(object::CONTAINER.to_owned()))
    }

    fn new(origin: Origin, container: Option<String>) -> Self {
        Self { cluster: Cluster::found(), origin, directory: DIRECTORY.to_owned(), container }
    }

    /// Takes the cluster whose API server is at this address, with a bearer token.
    #[must_use]
    pub fn server(mut self, url: impl Into<String>, token: impl Into<String>) -> Self {
        self.cluster = Cluster::at(url.into(), Secret::new(token));
        self
    }

    /// Names the namespace. By default it is that of the kubeconfig or of the pod that this runs in. Said after [`Kubernetes::server`].
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.cluster = self.cluster.in_namespace(name.into());
        self
    }

    /// Names the workspace's directory: absolute, or below the one in which the container's commands start, as `workspace` is.
    #[must_use]
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = path.into();
        self
    }

    /// Names the container in pods of a pool. By default the pod says which it is.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    fn kind(&self) -> Kind {
        match self.origin {
            Origin::Pool(_) => Kind::Claim,
            Origin::Image(_) => Kind::Pod,
        }
    }

    /// Waits until a machine takes scripts, and connects.
    async fn open(&self, operation: &'static str, id: &str) -> Result<Machine> {
        let (found, pod) = self.ready(operation, id).await?;
        let namespace = self.cluster.namespace().await?.to_owned();
        let place = Place { namespace, pod, container: self.container.clone() };
        let mut facts = Facts::new("kubernetes", SandboxPath::new("/")?);
        facts.script_bytes = SCRIPT_BYTES;
        let life = object::life(&found);
        let machine = Arc::new(Machine::new(self.cluster.clone(), self.kind(), id, place, facts.clone(), life));
        let driver: Arc<dyn Driver> = machine.clone();
        let said = run_script(&driver, operation, PREPARE, &[&self.directory], PREPARE_BYTES).await?;
        let said = String::from_utf8_lossy(&said);
        let Some(root) = said.strip_prefix("ok") else {
            let why = "the workspace's directory cannot be made; name one that the container's user may write to";
            let error = Error::new(ErrorKind::Io, operation, why).with("directory", &self.directory);
            return Err(error.with("said", said.strip_prefix("no").unwrap_or(&said)));
        };
        facts.root = SandboxPath::new(root)?;
        facts.stdin = machine.ends_input();
        facts.feeds = facts.stdin;
        facts.notes.push("This is a container of a cluster: its files are lost when its pod is replaced.".into());
        Ok(machine.described(facts))
    }

    /// What this library made, and the pod that it leads to, once that takes scripts.
    async fn ready(&self, operation: &'static str, id: &str) -> Result<(DynamicObject, String)> {
        let (started, mut pause) = (Instant::now(), LOOK_EVERY);
        loop {
            let Some(found) = self.cluster.get(operation, self.kind(), id).await? else {
                let why = "there is no such machine in this namespace; it was deleted, or its time to live is over";
                return Err(Error::new(ErrorKind::NotFound, operation, why).with("machine", id));
            };
            if let Some(death) = object::death(&found) {
                return Err(died(operation, death).with("machine", id).with("said", object::said(&found)));
            }
            if object::is_ready(&found)
                && let Some(pod) = self.pod(operation, id, &found).await?
            {
                return Ok((found, pod));
            }
            if started.elapsed() > READY_LIMIT {
                let why = "the machine does not come up; look at its events with `kubectl describe`, and at the pool";
                let error = Error::new(ErrorKind::Timeout, operation, why).with("machine", id);
                return Err(error.with("said", object::said(&found)));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LOOK_SELDOM);
        }
    }

    /// The name of the pod: a claim leads to a sandbox, that to its pod.
    async fn pod(&self, operation: &'static str, id: &str, found: &DynamicObject) -> Result<Option<String>> {
        if self.kind() == Kind::Pod {
            return Ok(Some(id.to_owned()));
        }
        let Some(sandbox) = found.data["status"]["sandbox"]["name"].as_str() else { return Ok(None) };
        let sandbox_found = self.cluster.get(operation, Kind::Sandbox, sandbox).await?;
        Ok(sandbox_found.map(|found| object::annotation(&found, POD_NAME).unwrap_or(sandbox).to_owned()))
    }
}

#[async_trait]
impl Provider for Kubernetes {
    fn offers(&self) -> Offers {
        // No network policy: whether one is enforced depends on the cluster's network, which nobody can ask.
        let mut offers = Offers::default();
        offers.delete = true;
        offers.time_to_live = true;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Listed> {
        self.offers().check_network(&spec.network)?;
        let manifest = match &self.origin {
            Origin::Pool(pool) => object::claim(spec, pool),
            Origin::Image(image) => object::pod(spec, image),
        };
        self.cluster.create(self.kind(), manifest).await?;
        let id = object::name(spec);
        match self.open("create", &id).await {
            Ok(_) => Ok(Listed::new(id, spec.labels.clone())),
            Err(error) => Err(discard(self, &id, error).await),
        }
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(self.open("attach", id).await?))
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Listed>> {
        let found = self.cluster.list(self.kind(), &object::selector(labels)).await?;
        let listed = found.into_iter().filter_map(|found| {
            let given = object::labels(&found);
            // Looked at again: what selects may be the same for others' labels.
            let is_owned = given.contains_key(OWNER_LABEL);
            let is_going = found.metadata.deletion_timestamp.is_some();
            if !is_owned || is_going || labels.iter().any(|(key, value)| given.get(key) != Some(value)) {
                return None;
            }
            Some(Listed::new(found.metadata.name?, given))
        });
        Ok(listed.collect())
    }

    async fn touch(&self, id: &str, time_to_live: Duration) -> Result<()> {
        let Some(found) = self.cluster.get("touch", self.kind(), id).await? else {
            let why = "there is no such machine in this namespace; it was deleted";
            return Err(Error::new(ErrorKind::NotFound, "touch", why).with("machine", id));
        };
        let change = object::prolonged(&found, self.kind() == Kind::Claim, time_to_live);
        self.cluster.change("touch", self.kind(), id, &change).await
    }

    async fn stop(&self, _: &str) -> Result<()> {
        let why = "a pod that is stopped loses its files; delete it, or keep it running";
        Err(Error::unsupported("stop", why))
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.cluster.delete(self.kind(), id).await
    }
}
