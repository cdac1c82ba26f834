//! Machines: made from a template, found by metadata, paused, resumed, deleted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, NetworkReach, Result, SandboxPath};
use flue_sandbox_remote_kit::http::Http;
use flue_sandbox_remote_kit::{
    Driver, EXPIRY_LABEL, Facts, Labels, Machine as Listed, NetworkPolicy, OWNER_LABEL, Offers, Provider, Secret, Spec,
    discard, run_script,
};
use serde_json::{Value, json};

use crate::api::{Api, Sandbox, seconds};
use crate::machine::Machine;

/// The port of the service inside.
const ENVD_PORT: &str = "49983";
/// The template that machines are made from, if no other is named.
const TEMPLATE: &str = "base";
/// How long a machine lives after its last call, if the workspace does not say. The provider's own is seconds to minutes.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// What a machine's life and network are, beside its labels: the provider does not give them back.
const LIFE_LABEL: &str = "flue-life";
const NETWORK_LABEL: &str = "flue-network";
/// What keeps a machine from every address: what is allowed goes before it.
const EVERYWHERE: &str = "0.0.0.0/0";
/// Makes the workspace's directory in the home, and says where it is. Its path may be another than it seems.
const PREPARE: &str = r#"if m=$(mkdir -p -- workspace 2>&1) && cd workspace && [ -w . ]; then printf 'ok%s' "$(pwd -P)"; else printf 'no%s' "$m"; fi"#;
/// From how many bytes on a file goes by the provider's own service, which takes two scripts more.
const TRANSFER_BYTES: usize = 256 << 10;
/// The most that this says.
const PREPARE_BYTES: usize = 8 << 10;

/// Machines of E2B, each a workspace.
#[derive(Debug, Clone)]
pub struct E2b {
    api: Api,
    domain: String,
    envd_url: Option<String>,
    template: String,
}

impl E2b {
    /// The provider's domain.
    pub const DOMAIN: &str = "e2b.app";

    /// Machines of the account that `key` belongs to.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty key, or one that no header can carry.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = Secret::new(key);
        if key.expose().trim().is_empty() {
            let why = "the key is empty";
            return Err(Error::new(ErrorKind::Config, "open", why).with("usually_from", "E2B_API_KEY"));
        }
        let http = Http::new(&api_url(Self::DOMAIN))?.header("x-api-key", &key)?;
        Ok(Self { api: Api { http }, domain: Self::DOMAIN.to_owned(), envd_url: None, template: TEMPLATE.to_owned() })
    }

    /// As the environment says: `E2B_API_KEY`; and `E2B_DOMAIN`, `E2B_API_URL`, `E2B_SANDBOX_URL` where they are set.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where there is no key, or one of them cannot be used.
    pub fn from_env() -> Result<Self> {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let key = get("E2B_API_KEY")
            .ok_or_else(|| Error::new(ErrorKind::Config, "open", "there is no key; set E2B_API_KEY"))?;
        let mut made = Self::new(key)?;
        if let Some(domain) = get("E2B_DOMAIN") {
            made = made.domain(domain)?;
        }
        if let Some(url) = get("E2B_API_URL") {
            made = made.api_url(&url)?;
        }
        match get("E2B_SANDBOX_URL") {
            Some(url) => made.sandbox_url(url),
            None => Ok(made),
        }
    }

    /// Takes another deployment: its API is `api.DOMAIN`, its machines are below the domain.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no domain.
    pub fn domain(mut self, domain: impl Into<String>) -> Result<Self> {
        self.domain = domain.into();
        self.api.http = self.api.http.at(&api_url(&self.domain))?;
        Ok(self)
    }

    /// Takes another control API.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no `http://` or `https://` URL.
    pub fn api_url(mut self, url: &str) -> Result<Self> {
        self.api.http = self.api.http.at(url)?;
        Ok(self)
    }

    /// Takes one address for the services of all machines, which are told apart by a header.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no `http://` or `https://` URL.
    pub fn sandbox_url(mut self, url: impl Into<String>) -> Result<Self> {
        let url = url.into();
        self.api.http.at(&url)?;
        self.envd_url = Some(url);
        Ok(self)
    }

    /// Names the template that machines are made from. By default it is `base`.
    #[must_use]
    pub fn template(mut self, name: impl Into<String>) -> Self {
        self.template = name.into();
        self
    }

    /// What a new machine is to be.
    fn plan(&self, spec: &Spec) -> Value {
        let life = spec.time_to_live.unwrap_or(LIFE);
        let mut metadata = spec.labels.clone();
        metadata.insert(LIFE_LABEL.to_owned(), seconds(life).to_string());
        metadata.insert(NETWORK_LABEL.to_owned(), written(&spec.network));
        let mut plan = json!({
            "templateID": self.template, "timeout": seconds(life), "metadata": metadata, "secure": true,
            // Whoever sets no end does not want to lose anything.
            "autoPause": spec.time_to_live.is_none(),
        });
        match &spec.network {
            NetworkPolicy::None => plan["allow_internet_access"] = Value::Bool(false),
            NetworkPolicy::AllowList(hosts) => plan["network"] = json!({"allowOut": hosts, "denyOut": [EVERYWHERE]}),
            _ => {}
        }
        plan
    }

    /// The service inside a machine.
    fn envd(&self, found: &Sandbox) -> Result<Http> {
        let domain = found.domain.as_deref().unwrap_or(&self.domain);
        let base = match &self.envd_url {
            Some(url) => url.clone(),
            None => format!("https://{ENVD_PORT}-{}.{domain}", found.id),
        };
        // Made anew: the account's key is not for what runs inside.
        let http = Http::new(&base)?
            .header("e2b-sandbox-id", &Secret::new(&found.id))?
            .header("e2b-sandbox-port", &Secret::new(ENVD_PORT))?;
        match found.token.as_deref().filter(|token| !token.is_empty()) {
            Some(token) => http.header("x-access-token", &Secret::new(token)),
            None => Ok(http),
        }
    }

    /// A connection to a machine that runs and was just given `life`; its directory is made where it is missing.
    async fn open(
        &self,
        operation: &'static str,
        found: &Sandbox,
        metadata: &Labels,
        life: Duration,
    ) -> Result<Machine> {
        let machine = || -> Result<Machine> {
            let facts = Facts::new("e2b", SandboxPath::new("/")?);
            Ok(Machine::new(self.api.clone(), found.id.clone(), self.envd(found)?, facts, life))
        };
        let driver: Arc<dyn Driver> = Arc::new(machine()?);
        let said = run_script(&driver, operation, PREPARE, &[], PREPARE_BYTES).await?;
        let said = String::from_utf8_lossy(&said);
        let Some(root) = said.strip_prefix("ok") else {
            let why = "the workspace's directory cannot be made; take a template whose user has a home";
            let error = Error::new(ErrorKind::Io, operation, why);
            return Err(error.with("said", said.strip_prefix("no").unwrap_or(&said)));
        };
        let mut facts = Facts::new("e2b", SandboxPath::new(root)?);
        facts.transfer_from = TRANSFER_BYTES;
        facts.network = read(metadata.get(NETWORK_LABEL).map(String::as_str));
        facts.notes.push(
            "The machine is paused or ends some time after the last call; what runs in the background with it.".into(),
        );
        Ok(machine()?.described(facts))
    }
}

fn api_url(domain: &str) -> String {
    format!("https://api.{domain}")
}

/// A policy as metadata has it.
fn written(policy: &NetworkPolicy) -> String {
    match policy {
        NetworkPolicy::None => "none".to_owned(),
        NetworkPolicy::AllowList(hosts) => format!("list {}", hosts.join(" ")),
        _ => "open".to_owned(),
    }
}

/// What commands reach of which metadata says this.
fn read(policy: Option<&str>) -> NetworkReach {
    match policy {
        Some("none") => NetworkReach::None,
        Some("open") => NetworkReach::Open,
        Some(list) if list.starts_with("list ") => {
            NetworkReach::AllowList(list.split(' ').skip(1).map(str::to_owned).collect())
        }
        _ => NetworkReach::Unknown,
    }
}

#[async_trait]
impl Provider for E2b {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.stop = true;
        offers.delete = true;
        offers.time_to_live = true;
        offers.network_none = true;
        offers.network_allow_list = true;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Listed> {
        self.offers().check_network(&spec.network)?;
        let made = self.api.create(&self.plan(spec)).await?;
        let life = spec.time_to_live.unwrap_or(LIFE);
        match self.open("create", &made, &Labels::new(), life).await {
            Ok(_) => Ok(Listed::new(made.id, spec.labels.clone())),
            Err(error) => Err(discard(self, &made.id, error).await),
        }
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        let metadata = self.api.get("attach", id).await?.metadata.unwrap_or_default();
        let life = metadata.get(LIFE_LABEL).and_then(|life| life.parse().ok()).map_or(LIFE, Duration::from_secs);
        let found = self.api.connect(id, life).await?;
        Ok(Arc::new(self.open("attach", &found, &metadata, life).await?))
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Listed>> {
        let found = self.api.find(labels).await?;
        let listed = found.into_iter().filter_map(|sandbox| {
            let (stopped, ends) = (sandbox.is_paused(), sandbox.ends());
            let mut found = sandbox.metadata.unwrap_or_default();
            // Looked at again: a provider that ignores the filter must not give away what is others'.
            let is_owned = found.contains_key(OWNER_LABEL);
            if !is_owned || labels.iter().any(|(key, value)| found.get(key) != Some(value)) {
                return None;
            }
            found.retain(|key, _| key != LIFE_LABEL && key != NETWORK_LABEL);
            // Metadata is of the day it was made; the provider knows better.
            if let (Some(expiry), Some(ends)) = (found.get_mut(EXPIRY_LABEL), ends) {
                *expiry = ends.to_string();
            }
            let mut machine = Listed::new(sandbox.id, found);
            machine.stopped = stopped;
            Some(machine)
        });
        Ok(listed.collect())
    }

    async fn touch(&self, id: &str, time_to_live: Duration) -> Result<()> {
        self.api.set_life("touch", id, time_to_live).await
    }

    async fn stop(&self, id: &str) -> Result<()> {
        self.api.pause(id).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.api.delete(id).await
    }
}
