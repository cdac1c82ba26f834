//! A sandbox: its machine, its state, its intervals.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::lock;
use super::session::Sessions;
use crate::machine::{Machine, random_id};

/// Whose home commands start in.
const HOME: &str = "/home/daytona";
/// The version of the daemon whose behaviour is modelled.
const DAEMON_VERSION: &str = "0.190.0";
/// How long starting and stopping take.
const PASSING: Duration = Duration::from_millis(150);
/// How long a sandbox is told of that is being deleted.
const GOING: Duration = Duration::from_secs(2);
/// Minutes without activity after which a sandbox stops, unless it is told otherwise.
const AUTO_STOP: i64 = 15;

/// The states that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Creating,
    Started,
    Starting,
    Stopped,
    Stopping,
    Destroying,
    Error,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Started => "started",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
            Self::Stopping => "stopping",
            Self::Destroying => "destroying",
            Self::Error => "error",
        }
    }
}

/// Network settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) block_all: bool,
    pub(super) allow_list: Option<String>,
    pub(super) domains: Option<String>,
}

impl Network {
    pub(super) fn read(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            block_all: body["networkBlockAll"].as_bool().unwrap_or(false),
            allow_list: text("networkAllowList"),
            domains: text("domainAllowList"),
        }
    }
}

#[derive(Debug)]
struct Inner {
    machine: Arc<Machine>,
    sessions: Arc<Sessions>,
    state: State,
    since: Instant,
    active: Instant,
    labels: BTreeMap<String, String>,
    network: Network,
    auto_stop: i64,
    auto_delete: i64,
    /// When it is destroyed, in minutes from a moment.
    ttl: Option<(Instant, i64)>,
}

#[derive(Debug)]
pub(super) struct Sandbox {
    id: String,
    name: String,
    snapshot: String,
    target: String,
    env: BTreeMap<String, String>,
    created: SystemTime,
    inner: Mutex<Inner>,
}

impl Sandbox {
    /// What the body of a create request asks for.
    pub(super) fn create(body: &Value, network_settings: bool) -> io::Result<Self> {
        let id = random_id()?;
        let text = |name: &str, other: &str| body[name].as_str().unwrap_or(other).to_owned();
        let ttl = body["ttlMinutes"].as_i64().filter(|minutes| *minutes > 0);
        let inner = Inner {
            machine: Arc::new(Machine::new(&id, HOME)?),
            sessions: Arc::default(),
            state: State::Creating,
            since: Instant::now(),
            active: Instant::now(),
            labels: strings(&body["labels"]),
            network: if network_settings { Network::read(body) } else { Network::default() },
            auto_stop: body["autoStopInterval"].as_i64().unwrap_or(AUTO_STOP),
            auto_delete: body["autoDeleteInterval"].as_i64().unwrap_or(-1),
            ttl: ttl.map(|minutes| (Instant::now(), minutes)),
        };
        Ok(Self {
            name: text("name", &id),
            snapshot: text("snapshot", "daytonaio/sandbox:default"),
            target: text("target", "us"),
            env: strings(&body["env"]),
            created: SystemTime::now(),
            inner: Mutex::new(inner),
            id,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it has this name; one that is being deleted has none.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name && self.state() != State::Destroying
    }

    /// The variables that every command gets.
    pub(super) fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    pub(super) fn machine(&self) -> Arc<Machine> {
        self.inner().machine.clone()
    }

    pub(super) fn sessions(&self) -> Arc<Sessions> {
        self.inner().sessions.clone()
    }

    pub(super) fn state(&self) -> State {
        self.inner().state
    }

    /// How long it is in its state.
    pub(super) fn in_state(&self) -> Duration {
        self.inner().since.elapsed()
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        self.inner().labels.clone()
    }

    pub(super) fn set_labels(&self, body: &Value) {
        self.inner().labels = strings(&body["labels"]);
    }

    pub(super) fn set_network(&self, network: Network) {
        self.inner().network = network;
    }

    pub(super) fn set_auto_stop(&self, minutes: i64) {
        self.inner().auto_stop = minutes;
    }

    pub(super) fn set_auto_delete(&self, minutes: i64) {
        self.inner().auto_delete = minutes;
    }

    pub(super) fn set_ttl(&self, minutes: i64) {
        self.inner().ttl = (minutes > 0).then(|| (Instant::now(), minutes));
    }

    /// Something was done with it.
    pub(super) fn touch(&self) {
        self.inner().active = Instant::now();
    }

    /// Begins to start.
    pub(super) fn start(&self) {
        let mut inner = self.inner();
        inner.turn(State::Starting);
        inner.machine.revive();
    }

    /// Begins to stop. Files stay, processes do not.
    pub(super) fn stop(&self) {
        self.inner().end(State::Stopping);
    }

    /// Begins to be deleted.
    pub(super) fn destroy(&self) {
        self.inner().end(State::Destroying);
    }

    pub(super) fn fail(&self) {
        self.inner().end(State::Error);
    }

    /// Ends every process and starts again with an empty disk.
    pub(super) fn come_back_empty(&self) -> io::Result<()> {
        let fresh = Arc::new(Machine::new(&self.id, HOME)?);
        let mut inner = self.inner();
        inner.machine.end();
        inner.machine = fresh;
        inner.sessions = Arc::default();
        Ok(())
    }

    /// Passes into the state whose time has come; false once it is no more.
    pub(super) fn tick(&self, minute: Duration) -> bool {
        let mut inner = self.inner();
        let over = |minutes: i64, since: Instant| {
            let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
            since.elapsed() >= minute.saturating_mul(minutes)
        };
        let passed = inner.since.elapsed() >= PASSING;
        match inner.state {
            State::Creating | State::Starting if passed => {
                inner.turn(State::Started);
                inner.active = Instant::now();
            }
            State::Stopping if passed => inner.turn(State::Stopped),
            State::Destroying if inner.since.elapsed() >= GOING => return false,
            // Whatever runs inside is no activity.
            State::Started if inner.auto_stop > 0 && over(inner.auto_stop, inner.active) => inner.end(State::Stopping),
            State::Stopped if inner.auto_delete >= 0 && over(inner.auto_delete, inner.since) => {
                inner.end(State::Destroying);
            }
            _ => {}
        }
        if inner.state != State::Destroying && inner.ttl.is_some_and(|(since, minutes)| over(minutes, since)) {
            inner.end(State::Destroying);
        }
        true
    }

    /// What all calls answer that describe it.
    pub(super) fn described(&self, toolbox: &str) -> Value {
        let inner = self.inner();
        let created = timestamp(self.created);
        json!({
            "id": self.id, "name": self.name, "organizationId": "organization", "snapshot": self.snapshot,
            "user": "daytona", "env": self.env, "labels": inner.labels, "public": false, "kvm": false,
            "networkBlockAll": inner.network.block_all, "networkAllowList": inner.network.allow_list,
            "domainAllowList": inner.network.domains, "target": self.target, "cpu": 1, "gpu": 0, "memory": 1,
            "disk": 3, "state": inner.state.name(),
            "errorReason": (inner.state == State::Error).then_some("the runner is gone"),
            "recoverable": false, "autoStopInterval": inner.auto_stop, "autoDeleteInterval": inner.auto_delete,
            "autoArchiveInterval": 10080, "createdAt": created, "updatedAt": created,
            "daemonVersion": DAEMON_VERSION, "toolboxProxyUrl": toolbox,
        })
    }
}

impl Inner {
    fn turn(&mut self, state: State) {
        self.state = state;
        self.since = Instant::now();
    }

    /// As [`Inner::turn`], with the end of every process.
    fn end(&mut self, state: State) {
        self.turn(state);
        self.sessions = Arc::default();
        self.machine.end();
    }
}

/// A time as RFC 3339.
pub(super) fn timestamp(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The strings of an object.
pub(super) fn strings(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
