//! Containers: made without privileges, found by label, stopped, deleted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::{
    Driver, Labels, Machine, NetworkPolicy, OWNER_LABEL, Offers, Provider, Spec, discard, run_script,
};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::container::{Container, Inspected, inspect, path};
use crate::engine::{ANSWER_LIMIT, Answer, Engine, query};
use crate::socket;

/// The workspace's directory in each container.
const ROOT: &str = "/workspace";
/// What keeps a container running, and ends at once when it is asked to.
const IDLE: [&str; 3] = ["/bin/sh", "-c", "exec tail -f /dev/null"];
/// Makes the directory, for whichever user the image has.
const PREPARE: &str = r#"if m=$(mkdir -p -m 1777 -- "$1" 2>&1); then printf ok; else printf 'no %s' "$m"; fi"#;
/// The most that making the directory says.
const PREPARE_BYTES: usize = 4 << 10;
/// How long a container has to end by itself when it is stopped, in seconds.
const STOP_SECONDS: u32 = 2;
/// How long an image may take to come.
const PULL_LIMIT: Duration = Duration::from_secs(1800);

/// Containers of a Docker or Podman engine on this machine, each a workspace.
#[derive(Debug, Clone)]
pub struct Docker {
    engine: Engine,
    image: String,
    network: String,
    memory: u64,
    processes: u32,
    capabilities: Vec<String>,
    pull: bool,
}

impl Docker {
    /// How much memory a container has by default, in bytes: 2 GiB.
    pub const MEMORY: u64 = 2 << 30;
    /// How many processes a container has by default.
    pub const PROCESSES: u32 = 512;

    /// Containers of `image`, on the engine that `DOCKER_HOST` names or that listens where Docker or Podman usually do.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a `DOCKER_HOST` that is no socket of this machine.
    pub fn new(image: impl Into<String>) -> Result<Self> {
        Ok(Self::at(socket::find()?, image))
    }

    /// Containers of `image`, on the engine that listens at `socket`.
    pub fn at(socket: impl Into<PathBuf>, image: impl Into<String>) -> Self {
        Self {
            engine: Engine::new(socket.into()),
            image: image.into(),
            network: "none".to_owned(),
            memory: Self::MEMORY,
            processes: Self::PROCESSES,
            capabilities: Vec::new(),
            pull: false,
        }
    }

    /// Has the engine pull an image that it lacks. By default that is an error.
    #[must_use]
    pub fn pull(mut self, pull: bool) -> Self {
        self.pull = pull;
        self
    }

    /// Names the engine's network that new containers are in. By default it is `none`; a workspace with
    /// [`NetworkPolicy::None`] has none whatever is said here.
    #[must_use]
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.network = network.into();
        self
    }

    /// Sets how much memory new containers have, in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets how many processes new containers have.
    #[must_use]
    pub fn processes(mut self, count: u32) -> Self {
        self.processes = count;
        self
    }

    /// Gives new containers a capability of Linux, such as `CHOWN`. By default they have none.
    #[must_use]
    pub fn capability(mut self, name: impl Into<String>) -> Self {
        self.capabilities.push(name.into());
        self
    }

    /// What a new container is to be.
    fn plan(&self, spec: &Spec) -> Value {
        let network = if spec.network == NetworkPolicy::None { "none" } else { &self.network };
        json!({
            "Image": self.image,
            "Entrypoint": IDLE,
            "Cmd": [],
            "WorkingDir": "/",
            "Labels": spec.labels,
            "HostConfig": {
                "NetworkMode": network,
                "CapDrop": ["ALL"],
                "CapAdd": self.capabilities,
                "SecurityOpt": ["no-new-privileges"],
                "Memory": self.memory,
                // No swap beside it.
                "MemorySwap": self.memory,
                "PidsLimit": self.processes,
                "Init": true,
            },
        })
    }

    async fn make(&self, name: &str, plan: &Value) -> Result<()> {
        let at = format!("/containers/create?name={}", query(name));
        let mut answer = self.engine.post("create", &at, Some(plan)).await?;
        if answer.status == StatusCode::NOT_FOUND && self.pull {
            self.fetch().await?;
            answer = self.engine.post("create", &at, Some(plan)).await?;
        }
        self.check_lacks("create", &answer)?;
        let why = match answer.status {
            StatusCode::NOT_FOUND => {
                "the engine lacks the image; pull it first (`docker pull`), or allow that it is pulled"
            }
            StatusCode::CONFLICT => "a container of this name exists; open the sandbox again to attach, or delete it",
            _ => "the engine makes no container",
        };
        let said: Warned =
            answer.good("create", why).map_err(|error| error.with("image", &self.image))?.json("create")?;
        let Some(warning) = said.warnings.into_iter().flatten().find(|said| said.contains("imit")) else {
            return Ok(());
        };
        // What it would not hold commands to must not run them.
        self.delete(name).await?;
        let why = "the engine cannot enforce a limit of the container; nothing was made";
        Err(Error::unsupported("create", why).with("said", warning))
    }

    /// Names what an engine lacks for any container, which engines notice at different times and tell by different numbers.
    fn check_lacks(&self, operation: &'static str, answer: &Answer) -> Result<()> {
        if answer.status.is_success() {
            return Ok(());
        }
        let said = answer.said();
        let lacks = |why: &'static str| Error::new(ErrorKind::Config, operation, why).with("said", &said);
        if ["container-init binary", "/docker-init"].iter().any(|init| said.contains(init)) {
            return Err(lacks(
                "the engine lacks an init program for containers; install catatonit (Podman) or tini (Docker)",
            ));
        }
        if said.contains("network") && said.contains("not found") {
            let why = "the engine lacks the network; make it (`docker network create`), or name another";
            return Err(lacks(why).with("network", &self.network));
        }
        Ok(())
    }

    /// Has the engine pull the image.
    async fn fetch(&self) -> Result<()> {
        // Without a tag an engine would pull all of them.
        let last = self.image.rsplit('/').next().unwrap_or_default();
        let tag = if last.contains([':', '@']) { "" } else { ":latest" };
        let at = format!("/images/create?fromImage={}", query(&format!("{}{tag}", self.image)));
        let why = "the image cannot be pulled; look at its name, and whether the registry can be reached";
        let answer = self.engine.ask("pull", Method::POST, &at, None, PULL_LIMIT).await?;
        let answer = answer.good("pull", why).map_err(|error| error.with("image", &self.image))?;
        // A failure after the beginning is one of the messages.
        let failed = answer.text().lines().find_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            message.get("error").and_then(Value::as_str).map(str::to_owned)
        });
        match failed {
            Some(said) => {
                Err(Error::new(ErrorKind::NotFound, "pull", why).with("image", &self.image).with("said", said))
            }
            None => Ok(()),
        }
    }

    /// Starts a container, or has it go on.
    async fn start(&self, name: &str, part: &str) -> Result<()> {
        let answer = self.engine.post("start", &path("start", name, part)?, None).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        self.check_lacks("start", &answer)?;
        let why = "the container does not start; its image needs /bin/sh and tail";
        answer.good("start", why).map(drop)
    }

    async fn enter(&self, operation: &'static str, name: &str) -> Result<Inspected> {
        let missing = || {
            let why = "there is no such container; it was deleted, or is another engine's";
            Error::new(ErrorKind::NotFound, operation, why).with("container", name)
        };
        inspect(&self.engine, operation, name).await?.ok_or_else(missing)
    }

    fn driver(&self, name: &str, found: &Inspected) -> Result<Arc<dyn Driver>> {
        let root = SandboxPath::new(ROOT)?;
        Ok(Arc::new(Container::new(self.engine.clone(), name, root, &found.host_config)))
    }

    /// Starts a new container and makes its directory.
    async fn furnish(&self, name: &str) -> Result<()> {
        self.start(name, "/start").await?;
        let driver = self.driver(name, &self.enter("create", name).await?)?;
        let said = run_script(&driver, "create", PREPARE, &[ROOT], PREPARE_BYTES).await.map_err(|error| {
            if error.kind() != ErrorKind::SandboxDied {
                return error;
            }
            // It has an end of its own: what keeps it running is not there.
            let why = "the container ends at once; its image needs /bin/sh and tail";
            Error::new(ErrorKind::Config, "create", why).with("image", &self.image).with_source(error)
        })?;
        if said == b"ok" {
            return Ok(());
        }
        let why = "the workspace's directory cannot be made; take an image whose user can, or that has it";
        let said = String::from_utf8_lossy(&said).into_owned();
        Err(Error::new(ErrorKind::Io, "create", why).with("directory", ROOT).with("said", said))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Warned {
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    names: Vec<String>,
    labels: Option<Labels>,
    state: String,
}

/// The name of a workspace's container: the same for the same owner and key, so that two cannot be made at once.
fn name(spec: &Spec) -> String {
    let owner = spec.labels.get(OWNER_LABEL).map(String::as_str).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("flue-{}-{}", owner.chars().map(plain).collect::<String>(), spec.key)
}

#[async_trait]
impl Provider for Docker {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.stop = true;
        offers.delete = true;
        offers.time_to_live = true;
        offers.network_none = true;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Machine> {
        self.offers().check_network(&spec.network)?;
        let name = name(spec);
        self.make(&name, &self.plan(spec)).await?;
        match self.furnish(&name).await {
            Ok(()) => Ok(Machine::new(name, spec.labels.clone())),
            Err(error) => Err(discard(self, &name, error).await),
        }
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        let found = self.enter("attach", id).await?;
        if found.state.paused {
            self.start(id, "/unpause").await?;
        } else if !found.state.running {
            self.start(id, "/start").await?;
        }
        self.driver(id, &found)
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Machine>> {
        // Only what this library made, whatever else is asked.
        let wanted = std::iter::once(OWNER_LABEL.to_owned());
        let wanted: Vec<String> = wanted.chain(labels.iter().map(|(key, value)| format!("{key}={value}"))).collect();
        let filters = json!({"label": wanted}).to_string();
        let answer = self.engine.get("find", &format!("/containers/json?all=1&filters={}", query(&filters))).await?;
        let found: Vec<Listed> = answer.good("find", "the engine lists no containers")?.json("find")?;
        let machine = |listed: Listed| {
            let name = listed.names.first()?.trim_start_matches('/').to_owned();
            let mut machine = Machine::new(name, listed.labels.unwrap_or_default());
            machine.stopped = !matches!(listed.state.as_str(), "running" | "paused" | "restarting");
            Some(machine)
        };
        Ok(found.into_iter().filter_map(machine).collect())
    }

    async fn touch(&self, _: &str, _: Duration) -> Result<()> {
        Err(Error::unsupported("touch", "a container's labels cannot be changed; its time counts from its making"))
    }

    async fn stop(&self, id: &str) -> Result<()> {
        let at = path("stop", id, &format!("/stop?t={STOP_SECONDS}"))?;
        let answer = self.engine.post("stop", &at, None).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        answer.good("stop", "the container does not stop").map(drop)
    }

    async fn delete(&self, id: &str) -> Result<()> {
        let at = path("delete", id, "?force=1&v=1")?;
        let answer = self.engine.ask("delete", Method::DELETE, &at, None, ANSWER_LIMIT).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        answer.good("delete", "the container is not deleted").map(drop)
    }
}
