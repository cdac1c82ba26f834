//! How remote sandboxes are described and opened.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use flue_core::{
    Capabilities, CreateDir, Error, ErrorKind, FileSystem as _, NetworkReach, OpenRequest, Result, Sandbox,
    SandboxFactory, SandboxInfo, SandboxLevel,
};

use crate::RemoteSandbox;
use crate::call::Link;
use crate::call::script::GENERATION_FILE;
use crate::driver::{Death, Driver, died};
use crate::files::Files;
use crate::id;
use crate::provider::{
    EXPIRY_LABEL, Labels, Machine, OWNER_LABEL, Provider, Spec, WORKSPACE_LABEL, cannot, discard, expiry,
};
use crate::workspace::{AtClose, NetworkPolicy, Reuse, Workspace};

/// Prints the workspace's generation, or nothing.
const LOOK: &str = r#"if [ -e "$1" ]; then cat "$1"; fi; printf .end"#;
/// Gives the workspace the generation `$2`, unless it has one; prints the one that it has then.
const MARK: &str = r#"(set -C; printf '%s\n' "$2" >"$1") 2>/dev/null; cat "$1" && printf .end"#;
/// The longest generation.
const GENERATION_BYTES: usize = 4 << 10;

/// Describes remote sandboxes, and opens them on the machines of one provider.
#[derive(Debug, Clone)]
pub struct Remote {
    provider: Arc<dyn Provider>,
    workspace: Workspace,
    owner: String,
    output_bytes: usize,
}

impl Remote {
    /// How many bytes of each output stream are kept by default: 16 MiB.
    pub const OUTPUT_BYTES: usize = 16 << 20;
    /// Whom machines belong to, unless [`Remote::owner`] says otherwise.
    pub const OWNER: &str = "flue";

    /// Sandboxes of `provider`, a workspace for each session, which is kept at the end.
    pub fn new(provider: impl Provider) -> Self {
        Self::over(Arc::new(provider))
    }

    /// As [`Remote::new`], for a provider that others have too.
    pub fn over(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            workspace: Workspace::per_session(),
            owner: Self::OWNER.to_owned(),
            output_bytes: Self::OUTPUT_BYTES,
        }
    }

    /// Says which workspace there is for whom.
    #[must_use]
    pub fn workspace(mut self, workspace: Workspace) -> Self {
        self.workspace = workspace;
        self
    }

    /// Names whom the machines belong to: a label's value. [`sweep`](crate::sweep) touches those of one owner.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// Sets how many bytes of each output stream of a command are kept, half from its start and half from its end.
    #[must_use]
    pub fn output_bytes(mut self, bytes: usize) -> Self {
        self.output_bytes = bytes;
        self
    }

    /// Opens a sandbox: what [`SandboxFactory::open`] does, with the concrete type.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for what the provider cannot do, before anything is made; [`ErrorKind::SandboxDied`] with the
    /// reason `state_lost` for a workspace that is not what it was; those of the provider.
    pub async fn create(&self, request: OpenRequest) -> Result<Arc<RemoteSandbox>> {
        self.check()?;
        let key = self.workspace.key(&request.id)?;
        let labels =
            Labels::from([(OWNER_LABEL.to_owned(), self.owner.clone()), (WORKSPACE_LABEL.to_owned(), key.clone())]);
        let mut found = self.provider.find(&labels).await?;
        found.retain(|machine| machine.labels.get(WORKSPACE_LABEL) == Some(&key));
        if found.len() > 1 {
            let why = "several machines carry the label of this workspace; delete all but one";
            return Err(Error::new(ErrorKind::Conflict, "open", why).with("workspace", key));
        }
        let made = match (found.pop(), self.workspace.reuse) {
            (Some(_), Reuse::Never) => {
                let why = "the workspace exists already; delete it, or allow its reuse";
                return Err(Error::new(ErrorKind::AlreadyExists, "open", why).with("workspace", key));
            }
            (None, Reuse::Required) => {
                let why = "there is no such workspace; allow a new one, or look whether it was deleted";
                return Err(Error::new(ErrorKind::NotFound, "open", why).with("workspace", key));
            }
            (None, _) if self.workspace.generation.is_some() => return Err(died("open", Death::StateLost)),
            (Some(machine), _) => Opened { machine, is_new: false },
            (None, _) => Opened { machine: self.make(&key, labels).await?, is_new: true },
        };
        match self.enter(&made, &request).await {
            Err(error) if made.is_new && self.provider.offers().delete => {
                Err(discard(&*self.provider, &made.machine.id, error).await)
            }
            opened => opened,
        }
    }

    /// Refuses what the provider cannot do.
    fn check(&self) -> Result<()> {
        let offers = self.provider.offers();
        offers.check_network(&self.workspace.network)?;
        if self.workspace.at_close == AtClose::Stop && !offers.stop {
            return Err(cannot("stop a machine and keep its files"));
        }
        if self.workspace.at_close == AtClose::Delete && !offers.delete {
            return Err(cannot("delete a machine"));
        }
        if self.workspace.time_to_live.is_some() && !offers.time_to_live {
            return Err(cannot("give a machine a time to live"));
        }
        Ok(())
    }

    async fn make(&self, key: &str, mut labels: Labels) -> Result<Machine> {
        if let Some(time) = self.workspace.time_to_live {
            labels.insert(EXPIRY_LABEL.to_owned(), expiry(SystemTime::now(), time));
        }
        let mut spec = Spec::new(key);
        spec.labels = labels;
        spec.time_to_live = self.workspace.time_to_live;
        spec.env = self.workspace.env.clone();
        spec.network = self.workspace.network.clone();
        self.provider.create(&spec).await
    }

    async fn enter(&self, made: &Opened, request: &OpenRequest) -> Result<Arc<RemoteSandbox>> {
        let id = &made.machine.id;
        if let (Some(time), false) = (self.workspace.time_to_live, made.is_new) {
            match self.provider.touch(id, time).await {
                // Then the time counts from the machine's making.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                touched => touched?,
            }
        }
        let driver = self.provider.attach(id).await?;
        let entered = match self.check_reach(&*driver) {
            Ok(()) => self.furnish(&driver, made, request).await,
            Err(error) => Err(error),
        };
        match entered {
            Ok(sandbox) => Ok(sandbox),
            Err(error) => {
                if let Err(error) = driver.disconnect().await {
                    tracing::debug!(%error, "a connection that is not needed did not close");
                }
                Err(error)
            }
        }
    }

    /// Refuses a machine that was made with more network than the workspace may have now.
    fn check_reach(&self, driver: &dyn Driver) -> Result<()> {
        // An address alone is a range of one.
        let is_same = |a: &str, b: &str| a.trim_end_matches("/32").eq_ignore_ascii_case(b.trim_end_matches("/32"));
        let holds = match (&self.workspace.network, &driver.facts().network) {
            (NetworkPolicy::AsProvided, _) | (_, NetworkReach::None) => true,
            (NetworkPolicy::AllowList(hosts), NetworkReach::AllowList(found)) => {
                found.iter().all(|entry| hosts.iter().any(|host| is_same(host, entry)))
            }
            _ => false,
        };
        if holds {
            return Ok(());
        }
        let why = "the workspace's machine has more network than it may have; delete it, and it is made anew";
        Err(Error::new(ErrorKind::Conflict, "open", why))
    }

    async fn furnish(
        &self,
        driver: &Arc<dyn Driver>,
        made: &Opened,
        request: &OpenRequest,
    ) -> Result<Arc<RemoteSandbox>> {
        let generation = self.generation(driver, made.is_new).await?;
        let link = Arc::new(Link::new(Arc::clone(driver), Some(generation)));
        let files = Files::new(Arc::clone(&link));
        let facts = driver.facts();
        let cwd = facts.root.join(request.cwd.as_deref().unwrap_or_default())?;
        files.create_dir(&cwd, CreateDir::recursive()).await?;
        let mut capabilities = Capabilities::full();
        capabilities.live_output = facts.live && facts.exact;
        capabilities.persistent = facts.persistent && self.workspace.at_close != AtClose::Delete;
        capabilities.concurrent_exec = facts.calls > 2;
        capabilities.network = facts.network.clone();
        let info = SandboxInfo::new(SandboxLevel::Remote, &facts.provider, cwd, capabilities);
        let info = facts.notes.iter().cloned().fold(info, SandboxInfo::with_note);
        Ok(Arc::new(RemoteSandbox {
            info,
            link,
            files,
            env: self.workspace.env.clone(),
            output_bytes: self.output_bytes,
            provider: Arc::clone(&self.provider),
            machine: made.machine.id.clone(),
            at_close: self.workspace.at_close,
        }))
    }

    /// Which workspace this is. A new one is marked; one that was there must have a mark, or it is not what was left there.
    async fn generation(&self, driver: &Arc<dyn Driver>, is_new: bool) -> Result<String> {
        let link = Link::new(Arc::clone(driver), None);
        let file = format!("{}/{GENERATION_FILE}", driver.facts().root);
        let fresh = id::fresh()?;
        let (body, args) = if is_new { (MARK, vec![&*file, &*fresh]) } else { (LOOK, vec![&*file]) };
        let said = link.operate("open", body, &args, None, GENERATION_BYTES).await?;
        let said = String::from_utf8_lossy(&said);
        let Some(found) = said.strip_suffix(".end").map(str::trim) else {
            let why = "the workspace could not be marked; look whether its directory can be written to";
            return Err(Error::new(ErrorKind::Io, "open", why).with("file", file));
        };
        let expected = self.workspace.generation.as_deref();
        if found.is_empty() || expected.is_some_and(|expected| expected != found) {
            return Err(died("open", Death::StateLost));
        }
        Ok(found.to_owned())
    }
}

/// A machine, and whether it was made for this.
struct Opened {
    machine: Machine,
    is_new: bool,
}

#[async_trait]
impl SandboxFactory for Remote {
    async fn open(&self, request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(Box::pin(self.create(request)).await?)
    }
}
