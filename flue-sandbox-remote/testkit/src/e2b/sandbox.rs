//! A sandbox: its machine, its state, its time.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::process::Processes;
use crate::machine::{Machine, random_id};

/// Whose home commands start in.
const HOME: &str = "/home/user";
/// The version of `envd` whose behaviour is modelled.
const ENVD_VERSION: &str = "0.6.13";

/// Whether a sandbox runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Paused,
}

#[derive(Debug)]
struct Inner {
    machine: Arc<Machine>,
    state: State,
    ends: SystemTime,
}

#[derive(Debug)]
pub(super) struct Sandbox {
    id: String,
    token: String,
    template: String,
    asked: Value,
    metadata: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    started: SystemTime,
    processes: Processes,
    inner: Mutex<Inner>,
}

impl Sandbox {
    /// What the body of a create request asks for. `default_timeout` is in seconds.
    pub(super) fn create(body: &Value, default_timeout: u64) -> io::Result<Self> {
        let id = random_id()?;
        let machine = Arc::new(Machine::new(&id, HOME)?);
        let started = SystemTime::now();
        let timeout = body["timeout"].as_u64().unwrap_or(default_timeout);
        Ok(Self {
            id,
            token: random_id()?,
            template: body["templateID"].as_str().unwrap_or("base").to_owned(),
            asked: body.clone(),
            metadata: strings(&body["metadata"]),
            env: strings(&body["envVars"]),
            started,
            processes: Processes::default(),
            inner: Mutex::new(Inner { machine, state: State::Running, ends: after(timeout) }),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The body of the request that made it.
    pub(super) fn asked(&self) -> &Value {
        &self.asked
    }

    pub(super) fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The variables that every command gets.
    pub(super) fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// The processes that run.
    pub(super) fn processes(&self) -> &Processes {
        &self.processes
    }

    pub(super) fn machine(&self) -> Arc<Machine> {
        self.inner().machine.clone()
    }

    pub(super) fn home(&self) -> PathBuf {
        self.inner().machine.home()
    }

    pub(super) fn state(&self) -> State {
        self.inner().state
    }

    /// Whether its time is over. A paused sandbox has no end.
    pub(super) fn is_over(&self) -> bool {
        let inner = self.inner();
        inner.state == State::Running && inner.ends <= SystemTime::now()
    }

    /// Sets its time to so many seconds from now.
    pub(super) fn set_timeout(&self, seconds: u64) {
        self.inner().ends = after(seconds);
    }

    /// Freezes its processes; false if it is paused already.
    pub(super) fn pause(&self) -> bool {
        self.turn(State::Paused, Signal::STOP)
    }

    /// Lets its processes go on; false if it runs already.
    pub(super) fn resume(&self) -> bool {
        self.turn(State::Running, Signal::CONT)
    }

    fn turn(&self, state: State, signal: Signal) -> bool {
        let mut inner = self.inner();
        let turned = inner.state != state;
        if turned {
            inner.state = state;
            inner.machine.signal_all(signal);
        }
        turned
    }

    /// Ends every process.
    pub(super) fn end(&self) {
        self.machine().end();
    }

    /// Ends every process and starts again with an empty disk.
    pub(super) fn come_back_empty(&self) -> io::Result<()> {
        let fresh = Arc::new(Machine::new(&self.id, HOME)?);
        let mut inner = self.inner();
        inner.machine.end();
        inner.machine = fresh;
        Ok(())
    }

    /// What creating and connecting answer.
    pub(super) fn created(&self) -> Value {
        json!({
            "sandboxID": self.id, "templateID": self.template, "clientID": "local", "envdVersion": ENVD_VERSION,
            "envdAccessToken": self.token, "domain": null, "trafficAccessToken": null,
        })
    }

    /// What getting and listing answer.
    pub(super) fn described(&self) -> Value {
        let (state, ends) = {
            let inner = self.inner();
            (inner.state, inner.ends)
        };
        json!({
            "sandboxID": self.id, "templateID": self.template, "alias": self.template, "clientID": "local",
            "envdVersion": ENVD_VERSION, "envdAccessToken": self.token, "domain": null,
            "startedAt": super::entry::timestamp(self.started), "endAt": super::entry::timestamp(ends),
            "cpuCount": 2, "memoryMB": 512, "diskSizeMB": 1024, "metadata": self.metadata,
            "state": if state == State::Running { "running" } else { "paused" },
        })
    }
}

fn after(seconds: u64) -> SystemTime {
    // No timeout that a test sets reaches the end of time.
    SystemTime::now().checked_add(Duration::from_secs(seconds)).unwrap_or_else(SystemTime::now)
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
