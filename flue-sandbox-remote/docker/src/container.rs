//! One container: scripts in it, by exec.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, NetworkReach, Result, SandboxPath};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, BufReader, split};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::archive::Rights;
use crate::engine::{Engine, query};
use crate::{archive, frames};

/// How much of a stream is read at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// How many scripts run in a container at a time: an engine has no bound of its own, its machine has.
const CALLS: usize = 16;
/// Has a script read its input to the end, when it has ended: Podman loses the output of what leaves some of it unread.
const DRAIN: &str = "trap 'cat >/dev/null' EXIT\n";
/// How long a busy engine may take to describe a container, before it is asked whether it is there: less than half of
/// [`flue_sandbox_remote_kit::PROBE_SILENCE`].
const LOOK_LIMIT: Duration = Duration::from_secs(4);

/// A container of an engine, by its name.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) engine: Engine,
    pub(crate) name: String,
    facts: Facts,
    /// Those of the files that its user makes, once that was looked at.
    pub(crate) rights: OnceCell<Rights>,
}

/// What an engine says of a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    pub(crate) state: State,
    pub(crate) host_config: HostConfig,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    pub(crate) running: bool,
    #[serde(default)]
    pub(crate) paused: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HostConfig {
    #[serde(default)]
    network_mode: String,
}

impl HostConfig {
    /// What commands can reach, as far as the kind of network tells.
    fn reach(&self) -> NetworkReach {
        match self.network_mode.as_str() {
            "none" => NetworkReach::None,
            "bridge" | "default" | "host" => NetworkReach::Open,
            _ => NetworkReach::Unknown,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exec {
    running: bool,
    exit_code: Option<i32>,
}

/// The path of a container, or of a part of it.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] for what is no name: it must not lead to another part of the interface.
pub(crate) fn path(operation: &'static str, name: &str, part: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(plain) {
        return Ok(format!("/containers/{name}{part}"));
    }
    Err(Error::new(ErrorKind::InvalidInput, operation, "this is no name of a container").with("name", name))
}

/// What the engine says of this container; `None` when there is none.
pub(crate) async fn inspect(engine: &Engine, operation: &'static str, name: &str) -> Result<Option<Inspected>> {
    let answer = engine.get(operation, &path(operation, name, "/json")?).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    answer.good(operation, "the engine does not describe the container")?.json(operation).map(Some)
}

impl Container {
    pub(crate) fn new(engine: Engine, name: &str, root: SandboxPath, host: &HostConfig) -> Self {
        let mut facts = Facts::new("docker", root);
        facts.calls = CALLS;
        facts.feeds = true;
        facts.transfer_from = archive::FROM_BYTES;
        facts.network = host.reach();
        facts.notes.push(
            "This is a container without privileges: packages cannot be installed unless its image is made for it."
                .into(),
        );
        Self { engine, name: name.to_owned(), facts, rights: OnceCell::new() }
    }

    /// Makes an exec, which starts nothing yet.
    async fn prepare(&self, body: &Value) -> Result<String, Refused> {
        let at = path("exec", &self.name, "/exec")?;
        let answer = self.engine.post("exec", &at, Some(body)).await.map_err(Refused::unsent)?;
        if answer.status.is_success() {
            return Ok(answer.json::<Made>("exec")?.id);
        }
        // Engines differ in how they say that the container does not run: 404, 409, or 500 (Podman).
        if let Ok(Liveness::Dead(death)) = self.probe().await {
            return Err(died("exec", death).with("said", answer.said()).into());
        }
        Err(Refused::unsent(answer.error("exec", "the engine runs nothing in the container")))
    }

    /// How an exec ended whose stream did.
    async fn ended(&self, exec: &str) -> Result<Ended> {
        let answer = self.engine.get("exec", &format!("/exec/{}/json", query(exec))).await?;
        let exec: Exec = answer.good("exec", "the engine does not say how the script ended")?.json("exec")?;
        // It may not know yet. That costs nothing but a word: exit codes come from scripts.
        Ok(exec.exit_code.filter(|_| !exec.running).map_or(Ended::Unknown, Ended::Exited))
    }
}

#[async_trait]
impl Driver for Container {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, mut call: Call) -> Result<Ended, Refused> {
        if call.stdin.is_some() {
            call.script.insert_str(0, DRAIN);
        }
        // No directory of the exec's own: for one that is missing, engines differ in the stream and the status that say so.
        let exec = json!({
            "AttachStdin": call.has_input(), "AttachStdout": true, "AttachStderr": true, "Tty": false,
            "Cmd": call.argv(), "WorkingDir": "/",
        });
        let exec = self.prepare(&exec).await?;
        let start = json!({"Detach": false, "Tty": false});
        let stream = self.engine.stream("exec", &format!("/exec/{}/start", query(&exec)), &start).await?;
        let (read, mut write) = split(stream);
        let output = Arc::clone(&call.output);
        let feed = async {
            if call.has_input() {
                // A script that does not read to the end is no error.
                while let Some(data) = call.next_input().await {
                    let _ = write.write_all(&data).await;
                    let _ = write.flush().await;
                }
                let _ = write.shutdown().await;
            }
            pending::<Infallible>().await
        };
        let read = BufReader::with_capacity(BUFFER_BYTES, read);
        tokio::select! {
            done = frames::forward(read, &*output) => done.map_err(|error| {
                Error::new(ErrorKind::Protocol, "exec", "the engine's stream broke off").with_source(error)
            })?,
            never = feed => match never {},
        }
        // An engine that ended itself says nothing more.
        self.ended(&exec).await.map_err(|error| match error.kind() {
            ErrorKind::Unavailable => died("exec", Death::Disconnected).with_source(error).into(),
            _ => error.into(),
        })
    }

    async fn probe(&self) -> Result<Liveness> {
        let Ok(found) = timeout(LOOK_LIMIT, inspect(&self.engine, "probe", &self.name)).await else {
            // Podman does not describe a container while it starts execs in it. One that answers at all is busy.
            self.engine.get("probe", "/_ping").await?;
            return Ok(Liveness::Alive);
        };
        Ok(match found? {
            Some(found) if found.state.running => Liveness::Alive,
            _ => Liveness::Dead(Death::Stopped),
        })
    }

    fn files(&self) -> Option<&dyn Transfer> {
        Some(self)
    }

    async fn disconnect(&self) -> Result<()> {
        // Each request has a connection of its own.
        Ok(())
    }
}
