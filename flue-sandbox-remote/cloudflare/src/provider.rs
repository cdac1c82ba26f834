//! Containers: made by their first use, known by what is left in them, deleted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::http::{Http, Method};
use flue_sandbox_remote_kit::{
    Driver, Facts, Labels, Machine as Listed, OWNER_LABEL, Offers, Provider, Secret, Spec, WORKSPACE_LABEL, run_script,
};

use crate::machine::Machine;
use crate::marks::{self, LABELS_FILE};

/// Says where the workspace's directory is, how many bytes its names have, and what its labels are.
const LOOK: &str = r#"printf 'at%s\0%s\0' "$(pwd -P)" "$(ls -A | wc -c)"; cat "$1" 2>/dev/null"#;
/// Leaves labels in the directory.
const LABEL: &str = r#"if printf %s "$2" >"$1"; then printf ok; fi"#;
/// The most that these say.
const SAID_BYTES: usize = 64 << 10;

/// Containers of Cloudflare, each a workspace, behind a bridge that you deployed.
#[derive(Debug, Clone)]
pub struct Cloudflare {
    bridge: Http,
}

impl Cloudflare {
    /// Containers behind the bridge at `url`, whose secret `SANDBOX_API_KEY` is `key`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no `http://` or `https://` URL, an empty key, or one that no header can carry.
    pub fn new(url: &str, key: impl Into<String>) -> Result<Self> {
        let key = Secret::new(key);
        if key.expose().trim().is_empty() {
            let why = "the key is empty; a bridge without one is open to everybody";
            return Err(Error::new(ErrorKind::Config, "open", why).with("usually_from", "SANDBOX_API_KEY"));
        }
        Ok(Self { bridge: Http::new(url)?.bearer(&key)? })
    }

    /// As the environment says: `CLOUDFLARE_SANDBOX_WORKER_URL`, and `CLOUDFLARE_SANDBOX_API_KEY` or `SANDBOX_API_KEY`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where one of them is missing or cannot be used.
    pub fn from_env() -> Result<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let missing = |why: &'static str| Error::new(ErrorKind::Config, "open", why);
        let url = get("CLOUDFLARE_SANDBOX_WORKER_URL").ok_or_else(|| {
            missing("there is no address; set CLOUDFLARE_SANDBOX_WORKER_URL to that of the worker with your bridge")
        })?;
        let key = get("CLOUDFLARE_SANDBOX_API_KEY").or_else(|| get("SANDBOX_API_KEY")).ok_or_else(|| {
            missing("there is no key; set CLOUDFLARE_SANDBOX_API_KEY to the worker's secret SANDBOX_API_KEY")
        })?;
        Self::new(&url, key)
    }

    /// Looks at a container. One that there is not is made by being asked.
    async fn look(&self, operation: &'static str, id: &str) -> Result<Found> {
        let machine = |root: &str| -> Result<Machine> {
            let mut facts = Facts::new("cloudflare", SandboxPath::new(root)?);
            facts.persistent = false;
            facts.notes.push(
                "The container sleeps some minutes after the last command, and its files are gone then: hand out results early."
                    .into(),
            );
            Ok(Machine::new(self.bridge.clone(), id.to_owned(), facts))
        };
        let driver: Arc<dyn Driver> = Arc::new(machine("/")?);
        let said = run_script(&driver, operation, LOOK, &[LABELS_FILE], SAID_BYTES).await?;
        let said = String::from_utf8_lossy(&said);
        let parts = || {
            let (root, rest) = said.strip_prefix("at")?.split_once('\0')?;
            let (names, labels) = rest.split_once('\0')?;
            Some((root, names, labels))
        };
        let Some((root, names, labels)) = parts() else {
            let why = "the container does not say where its workspace is";
            return Err(Error::new(ErrorKind::Protocol, operation, why).with("said", said));
        };
        Ok(Found { labels: marks::read(labels), is_empty: names.trim() == "0", machine: machine(root)? })
    }
}

/// A container that was looked at.
struct Found {
    labels: Labels,
    /// There is nothing in its workspace.
    is_empty: bool,
    machine: Machine,
}

#[async_trait]
impl Provider for Cloudflare {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.delete = true;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Listed> {
        self.offers().check_network(&spec.network)?;
        let id = marks::id(&spec.labels)?;
        let driver: Arc<dyn Driver> = Arc::new(self.look("create", &id).await?.machine);
        let labels = marks::written(&spec.labels)?;
        let said = run_script(&driver, "create", LABEL, &[LABELS_FILE, &labels], SAID_BYTES).await?;
        if said == b"ok" {
            return Ok(Listed::new(id, spec.labels.clone()));
        }
        let why = "nothing can be written in the container's workspace; look at its image";
        Err(Error::new(ErrorKind::Io, "create", why))
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        let found = self.look("attach", id).await?;
        if !found.labels.is_empty() {
            return Ok(Arc::new(found.machine));
        }
        if !found.is_empty {
            let why =
                "the container has files and no labels: somebody else's, or its labels were removed; it was left alone";
            return Err(Error::new(ErrorKind::Conflict, "attach", why).with("machine", id));
        }
        // It was made by being asked, just now.
        self.delete(id).await?;
        let why = "there is no such container any more; open the sandbox again to make one";
        Err(Error::new(ErrorKind::NotFound, "attach", why).with("machine", id))
    }

    /// The container of one workspace: the bridge cannot list them.
    async fn find(&self, labels: &Labels) -> Result<Vec<Listed>> {
        let id = marks::id(labels)?;
        let found = self.look("find", &id).await?.labels;
        let matches = labels.iter().all(|(key, value)| found.get(key) == Some(value));
        let is_marked = found.contains_key(OWNER_LABEL) && found.contains_key(WORKSPACE_LABEL);
        Ok((is_marked && matches).then(|| Listed::new(id, found)).into_iter().collect())
    }

    async fn touch(&self, _: &str, _: Duration) -> Result<()> {
        Err(Error::unsupported("touch", "a container lives as long as the worker's `sleepAfter` says"))
    }

    async fn stop(&self, _: &str) -> Result<()> {
        Err(Error::unsupported("stop", "a container that stops loses its files; delete it"))
    }

    async fn delete(&self, id: &str) -> Result<()> {
        match self.bridge.request("delete", Method::DELETE, &["v1", "sandbox", id])?.repeat().await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.with("machine", id)),
            _ => Ok(()),
        }
    }
}
