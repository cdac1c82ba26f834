//! Machines: made from a snapshot, found by label, started, stopped, deleted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote_kit::http::Http;
use flue_sandbox_remote_kit::{
    Driver, EXPIRY_LABEL, Labels, Machine as Listed, OWNER_LABEL, Offers, Provider, Secret, Spec, discard, expiry,
    run_script,
};
use serde_json::{Value, json};

use crate::api::{Api, Sandbox};
use crate::machine::Machine;
use crate::network::Settings;
use crate::state::State;

/// The workspace's directory, within the home of the machine's user.
const ROOT: &str = "workspace";
/// Says where the home is.
const HOME: &str = r#"cd && printf %s "$PWD""#;
/// The longest path of a home.
const HOME_BYTES: usize = 4 << 10;
/// Makes the directory.
const PREPARE: &str = r#"if m=$(mkdir -p -- "$1" 2>&1) && [ -w "$1" ]; then printf ok; else printf 'no %s' "$m"; fi"#;
/// The most that making the directory says.
const PREPARE_BYTES: usize = 4 << 10;

/// Machines of Daytona, each a workspace.
#[derive(Debug, Clone)]
pub struct Daytona {
    api: Api,
    snapshot: Option<String>,
    target: Option<String>,
    auto_stop: Option<Duration>,
    auto_delete: Option<Duration>,
    lists: bool,
}

impl Daytona {
    /// Where the provider's control API is.
    pub const API_URL: &str = "https://app.daytona.io/api";

    /// Machines of the account that `key` belongs to.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty key, or one that no header can carry.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        Self::over(Http::new(Self::API_URL)?, &Secret::new(key), "DAYTONA_API_KEY")
    }

    /// Machines of an organisation, for whoever `token` stands for.
    ///
    /// # Errors
    /// As [`Daytona::new`].
    pub fn with_token(token: impl Into<String>, organization: impl Into<String>) -> Result<Self> {
        let organization = Secret::new(organization);
        let http = Http::new(Self::API_URL)?.header("x-daytona-organization-id", &organization)?;
        Self::over(http, &Secret::new(token), "DAYTONA_JWT_TOKEN")
    }

    /// As the environment says: `DAYTONA_API_KEY`, or `DAYTONA_JWT_TOKEN` with `DAYTONA_ORGANIZATION_ID`; `DAYTONA_API_URL` and
    /// `DAYTONA_TARGET` where they are set.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where they are missing or cannot be used.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let made = match (get("DAYTONA_API_KEY"), get("DAYTONA_JWT_TOKEN"), get("DAYTONA_ORGANIZATION_ID")) {
            (Some(key), ..) => Self::new(key)?,
            (None, Some(token), Some(organization)) => Self::with_token(token, organization)?,
            _ => {
                let why = "there is no key; set DAYTONA_API_KEY, or DAYTONA_JWT_TOKEN and DAYTONA_ORGANIZATION_ID";
                return Err(Error::new(ErrorKind::Config, "open", why));
            }
        };
        let made = match get("DAYTONA_API_URL") {
            Some(url) => made.address(&url)?,
            None => made,
        };
        Ok(match get("DAYTONA_TARGET") {
            Some(target) => made.target(target),
            None => made,
        })
    }

    fn over(http: Http, key: &Secret, variable: &'static str) -> Result<Self> {
        if key.expose().trim().is_empty() {
            let why = "the key is empty";
            return Err(Error::new(ErrorKind::Config, "open", why).with("usually_from", variable));
        }
        let api = Api { http: http.bearer(key)? };
        Ok(Self { api, snapshot: None, target: None, auto_stop: None, auto_delete: None, lists: false })
    }

    /// Takes another control API, such as one of your own.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no `http://` or `https://` URL.
    pub fn address(mut self, url: &str) -> Result<Self> {
        self.api.http = self.api.http.at(url)?;
        Ok(self)
    }

    /// Names the snapshot that machines are made from. By default it is the provider's own.
    #[must_use]
    pub fn snapshot(mut self, name: impl Into<String>) -> Self {
        self.snapshot = Some(name.into());
        self
    }

    /// Names the region where machines are made.
    #[must_use]
    pub fn target(mut self, region: impl Into<String>) -> Self {
        self.target = Some(region.into());
        self
    }

    /// Sets after how long without a call new machines stop, in minutes, rounded up; zero for never. By default the provider's 15
    /// minutes, or the workspace's time to live.
    #[must_use]
    pub fn auto_stop(mut self, time: Duration) -> Self {
        self.auto_stop = Some(time);
        self
    }

    /// Has the provider delete new machines, with their files, so long after they stopped, in minutes, rounded up. By default they
    /// are kept.
    #[must_use]
    pub fn auto_delete(mut self, time: Duration) -> Self {
        self.auto_delete = Some(time);
        self
    }

    /// Says that the provider enforces lists of hosts for this account. It takes them from every account, and sets them aside
    /// where the organisation's tier has rules of its own; so without this word such a policy is refused.
    #[must_use]
    pub fn allow_lists(mut self, enforced: bool) -> Self {
        self.lists = enforced;
        self
    }

    /// What a new machine is to be.
    fn plan(&self, spec: &Spec, network: &Settings) -> Value {
        let mut plan = json!({"name": name(spec), "labels": spec.labels, "public": false});
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                plan[key] = value;
            }
        };
        set("snapshot", self.snapshot.as_deref().map(Value::from));
        set("target", self.target.as_deref().map(Value::from));
        set("autoStopInterval", self.auto_stop.or(spec.time_to_live).map(minutes).map(Value::from));
        set("autoDeleteInterval", self.auto_delete.map(minutes).map(Value::from));
        set("networkBlockAll", network.block_all.then_some(Value::Bool(true)));
        set("networkAllowList", joined(&network.ranges));
        set("domainAllowList", joined(&network.domains));
        plan
    }

    /// Waits for a new machine, and makes its directory.
    async fn furnish(&self, made: &Sandbox, wanted: &Settings) -> Result<()> {
        let found = self.api.awake("create", &made.id).await?;
        let held = Settings::found(&found);
        if !held.hold(wanted) {
            let why = "the provider did not take the network policy; the machine is deleted again";
            return Err(held.describe(Error::unsupported("create", why)));
        }
        let driver = self.connect(&found).await?;
        let root = driver.facts().root.to_string();
        let said = run_script(&driver, "create", PREPARE, &[&root], PREPARE_BYTES).await?;
        if said == b"ok" {
            return Ok(());
        }
        let why = "the workspace's directory cannot be made; take a snapshot whose user has a home";
        let said = String::from_utf8_lossy(&said).into_owned();
        Err(Error::new(ErrorKind::Io, "create", why).with("directory", root).with("said", said))
    }

    async fn connect(&self, found: &Sandbox) -> Result<Arc<dyn Driver>> {
        let machine = |root| Machine::new(self.api.clone(), found, root, self.lists);
        let driver: Arc<dyn Driver> = Arc::new(machine(SandboxPath::new("/")?)?);
        let home = run_script(&driver, "open", HOME, &[], HOME_BYTES).await?;
        let root = SandboxPath::new(String::from_utf8_lossy(&home))?.join(ROOT)?;
        Ok(Arc::new(machine(root)?))
    }
}

/// The name of a workspace's machine: the same for the same owner and key, so that two cannot be made at once.
fn name(spec: &Spec) -> String {
    let owner = spec.labels.get(OWNER_LABEL).map(String::as_str).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("flue-{}-{}", owner.chars().map(plain).collect::<String>(), spec.key)
}

/// Whole minutes, never less.
fn minutes(time: Duration) -> u64 {
    time.as_millis().div_ceil(60_000).try_into().unwrap_or(u64::MAX)
}

fn joined(entries: &[String]) -> Option<Value> {
    (!entries.is_empty()).then(|| entries.join(",").into())
}

#[async_trait]
impl Provider for Daytona {
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.stop = true;
        offers.delete = true;
        offers.time_to_live = true;
        offers.network_none = true;
        offers.network_allow_list = self.lists;
        offers
    }

    async fn create(&self, spec: &Spec) -> Result<Listed> {
        self.offers().check_network(&spec.network)?;
        let network = Settings::of(&spec.network)?;
        let made = self.api.create(&self.plan(spec, &network)).await?;
        match self.furnish(&made, &network).await {
            Ok(()) => Ok(Listed::new(made.id, spec.labels.clone())),
            Err(error) => Err(discard(self, &made.id, error).await),
        }
    }

    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>> {
        let found = self.api.awake("attach", id).await?;
        self.connect(&found).await
    }

    async fn find(&self, labels: &Labels) -> Result<Vec<Listed>> {
        let found = self.api.find(labels).await?;
        // Looked at again: a provider that ignores the filter must not give away what is others'.
        let owned = found.into_iter().filter(|sandbox| {
            sandbox.labels.contains_key(OWNER_LABEL)
                && labels.iter().all(|(key, value)| sandbox.labels.get(key) == Some(value))
        });
        let listed = owned.map(|sandbox| {
            let stopped = !matches!(sandbox.state(), State::Runs | State::Passes);
            let mut machine = Listed::new(sandbox.id, sandbox.labels);
            machine.stopped = stopped;
            machine
        });
        Ok(listed.collect())
    }

    async fn touch(&self, id: &str, time_to_live: Duration) -> Result<()> {
        const OPERATION: &str = "touch";
        let found = self.api.get(OPERATION, id).await?;
        if found.auto_stop().is_some_and(|patience| patience < time_to_live) {
            self.api.act(OPERATION, id, &["autostop", &minutes(time_to_live).to_string()]).await?;
        }
        let mut labels = found.labels;
        labels.insert(EXPIRY_LABEL.to_owned(), expiry(SystemTime::now(), time_to_live));
        self.api.set_labels(OPERATION, id, &labels).await?;
        self.api.act(OPERATION, id, &["last-activity"]).await
    }

    async fn stop(&self, id: &str) -> Result<()> {
        self.api.stop(id).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.api.delete(id).await
    }
}

#[cfg(test)]
mod tests {
    use flue_sandbox_remote_kit::NetworkPolicy;

    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Daytona> {
        Daytona::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_who_and_where() {
        let made = from(&[
            ("DAYTONA_API_KEY", "planted-key"),
            ("DAYTONA_API_URL", "http://127.0.0.1:1/api"),
            ("DAYTONA_TARGET", "eu"),
        ]);
        let made = made.unwrap();
        assert_eq!((made.api.http.address().as_str(), made.target.as_deref()), ("http://127.0.0.1:1/api", Some("eu")));
        let made = from(&[("DAYTONA_JWT_TOKEN", "planted-key"), ("DAYTONA_ORGANIZATION_ID", "o")]).unwrap();
        assert_eq!(made.api.http.address(), Daytona::API_URL);
        assert!(!format!("{made:?}").contains("planted-key"));
        for lacking in [&[][..], &[("DAYTONA_API_KEY", " ")], &[("DAYTONA_JWT_TOKEN", "planted-key")]] {
            let error = from(lacking).unwrap_err();
            assert!(error.kind() == ErrorKind::Config && error.message().contains("DAYTONA_API_KEY"), "{error:?}");
        }
        assert_eq!(Daytona::new("").unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn a_plan_has_whole_minutes_and_only_what_was_said() {
        let second = Duration::from_secs(1);
        let daytona = from(&[("DAYTONA_API_KEY", "key")]).unwrap();
        let mut spec = Spec::new("key");
        spec.labels = Labels::from([(OWNER_LABEL.to_owned(), "me & you".to_owned())]);
        let plan = daytona.plan(&spec, &Settings::default());
        let labels = json!({OWNER_LABEL: "me & you"});
        assert_eq!(plan, json!({"name": "flue-me---you-key", "labels": labels, "public": false}));
        spec.time_to_live = Some(61 * second);
        let daytona = daytona.snapshot("s").target("eu").auto_delete(second);
        let network = Settings::of(&NetworkPolicy::AllowList(vec!["1.2.3.4".into(), "a.example".into()])).unwrap();
        let plan = daytona.plan(&spec, &network);
        assert_eq!((&plan["autoStopInterval"], &plan["autoDeleteInterval"]), (&json!(2), &json!(1)));
        assert_eq!((&plan["snapshot"], &plan["target"]), (&json!("s"), &json!("eu")));
        assert_eq!((&plan["networkAllowList"], &plan["domainAllowList"]), (&json!("1.2.3.4/32"), &json!("a.example")));
        // Zero is never, there.
        let plan = daytona.auto_stop(Duration::ZERO).plan(&spec, &Settings::default());
        assert_eq!(plan["autoStopInterval"], json!(0));
    }
}
