//! Machines: made, found again, kept alive, stopped, deleted, and swept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, Result};

use crate::driver::Driver;
use crate::workspace::{NetworkPolicy, Secret};

/// The label that marks what this library made; its value is whom it belongs to.
pub const OWNER_LABEL: &str = "flue-owner";
/// The label with the key of the workspace.
pub const WORKSPACE_LABEL: &str = "flue-workspace";
/// The label with the time after which a machine may be swept, in seconds since 1970.
pub const EXPIRY_LABEL: &str = "flue-expires";

/// Labels of a machine.
pub type Labels = BTreeMap<String, String>;

/// Where machines come from: what an adapter implements beside [`Driver`].
///
/// What a provider does not have is [`ErrorKind::Unsupported`], said before anything changed.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// What it offers. Constant; asked before anything is made.
    fn offers(&self) -> Offers;

    /// Makes a machine and its workspace directory, and waits until it takes calls.
    async fn create(&self, spec: &Spec) -> Result<Machine>;

    /// Connects to a machine; starts one that is stopped.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none. Never makes one.
    async fn attach(&self, id: &str) -> Result<Arc<dyn Driver>>;

    /// The machines that carry all of these labels, stopped ones too.
    async fn find(&self, labels: &Labels) -> Result<Vec<Machine>>;

    /// Has a machine live for at least this long from now.
    async fn touch(&self, id: &str, time_to_live: Duration) -> Result<()>;

    /// Stops a machine and keeps its files.
    async fn stop(&self, id: &str) -> Result<()>;

    /// Deletes a machine with its files. One that is gone is fine.
    async fn delete(&self, id: &str) -> Result<()>;
}

/// What a provider offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offers {
    /// Stops machines and keeps their files.
    pub stop: bool,
    /// Deletes machines with their files.
    pub delete: bool,
    /// Machines have a time to live: the provider ends them, or keeps the label by which [`sweep`] does.
    pub time_to_live: bool,
    /// Keeps commands from any network.
    pub network_none: bool,
    /// Keeps commands to a list of hosts.
    pub network_allow_list: bool,
}

impl Offers {
    /// Whether this policy can be enforced.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when it cannot.
    pub fn check_network(&self, policy: &NetworkPolicy) -> Result<()> {
        let enforced = match policy {
            NetworkPolicy::AsProvided => true,
            NetworkPolicy::None => self.network_none,
            NetworkPolicy::AllowList(_) => self.network_allow_list,
        };
        if enforced { Ok(()) } else { Err(cannot("enforce this network policy; take a provider that can, or none")) }
    }
}

pub(crate) fn cannot(what: &str) -> Error {
    Error::unsupported("open", format!("the provider cannot {what}; nothing was made"))
}

/// The machine to make.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Spec {
    /// The workspace's key: lower-case letters, digits and `-`, at most 63 bytes.
    pub key: String,
    /// Labels to put on it.
    pub labels: Labels,
    /// How long it lives unused.
    pub time_to_live: Option<Duration>,
    /// Variables of the workspace. The kit gives them to each command; a provider need not.
    pub env: BTreeMap<String, Secret>,
    /// What commands may reach; [`Offers`] says that it can be enforced.
    pub network: NetworkPolicy,
}

impl Spec {
    /// A machine for the workspace `key`.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            labels: Labels::new(),
            time_to_live: None,
            env: BTreeMap::new(),
            network: NetworkPolicy::default(),
        }
    }
}

/// A machine that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Machine {
    /// What the provider calls it.
    pub id: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether it is stopped.
    pub stopped: bool,
}

impl Machine {
    /// A machine that runs.
    pub fn new(id: impl Into<String>, labels: Labels) -> Self {
        Self { id: id.into(), labels, stopped: false }
    }

    /// When it may be swept, if it says so.
    pub fn expires(&self) -> Option<SystemTime> {
        let seconds = self.labels.get(EXPIRY_LABEL)?.parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }
}

/// The value of [`EXPIRY_LABEL`] for a machine that may be swept this long after `now`.
pub fn expiry(now: SystemTime, time_to_live: Duration) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_add(time_to_live).as_secs().to_string()
}

/// Deletes a machine that was made and could not be used, as nobody would know of it, and gives the error to tell: the first.
pub async fn discard(provider: &dyn Provider, id: &str, first: Error) -> Error {
    if let Err(error) = provider.delete(id).await {
        tracing::warn!(%error, machine = id, "a machine that could not be used could not be deleted");
    }
    first
}

/// Deletes the machines of `owner` whose time was over at `now`, and says which. One without a time is left alone.
///
/// # Errors
/// Those of the provider. All machines are tried first; the first error is given.
pub async fn sweep(provider: &dyn Provider, owner: &str, now: SystemTime) -> Result<Vec<Machine>> {
    let labels = Labels::from([(OWNER_LABEL.to_owned(), owner.to_owned())]);
    let (mut swept, mut failed) = (Vec::new(), None);
    for machine in provider.find(&labels).await? {
        // Asked again: a provider that ignores filters must not cost others their machines.
        let owned = machine.labels.get(OWNER_LABEL).is_some_and(|found| found == owner);
        if owned && machine.expires().is_some_and(|at| at <= now) {
            match provider.delete(&machine.id).await {
                Ok(()) => swept.push(machine),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}
