//! One machine: scripts in it, by the daemon inside.

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, OutputStream, Result, Retry, SandboxPath};
use flue_sandbox_remote_kit::http::{Http, Method};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer};
use serde::Deserialize;
use serde_json::json;

use crate::api::{Api, Sandbox, stopped};
use crate::command::{self, INLINE_BYTES};
use crate::network::Settings;
use crate::state::State;

/// The most output of a script, in bytes: the daemon holds it in memory, and answers in one piece.
const REPLY_BYTES: usize = 8 << 20;
/// The longest reply: base64 in JSON, with line ends.
const REPLY_LIMIT: usize = REPLY_BYTES * 2;
/// How long a script may run that has no time limit. One is always said: daemons have differed in what they take for none.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How many times within the provider's patience it is told that a machine is in use.
const TOLD: u32 = 12;
/// The code with which the proxy says that a machine does not run.
const NOT_RUNNING: &str = "SANDBOX_NOT_RUNNING";

/// A machine of Daytona.
#[derive(Debug)]
pub(crate) struct Machine {
    api: Api,
    id: String,
    pub(crate) toolbox: Http,
    facts: Facts,
    told: Mutex<Instant>,
    /// Whether the daemon lacks the newer way to upload.
    pub(crate) is_old: AtomicBool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    #[serde(alias = "code")]
    exit_code: Option<i32>,
    #[serde(default)]
    result: String,
}

impl Machine {
    /// The machine that was found. `lists` says that the provider enforces lists of hosts.
    pub(crate) fn new(api: Api, found: &Sandbox, root: SandboxPath, lists: bool) -> Result<Self> {
        let mut facts = Facts::new("daytona", root);
        facts.exact = false;
        facts.live = false;
        facts.reply_bytes = Some(REPLY_BYTES);
        facts.transfer_from = INLINE_BYTES;
        facts.timeout_unit = Duration::from_secs(1);
        facts.network = Settings::found(found).reach(lists);
        if found.auto_stop().is_some() {
            let note =
                "The machine stops some time after the last call: files stay, processes in the background do not.";
            facts.notes.push(note.into());
        }
        let toolbox = found.toolbox(&api.http)?;
        let (told, is_old) = (Mutex::new(Instant::now()), AtomicBool::default());
        Ok(Self { api, id: found.id.clone(), toolbox, facts, told, is_old })
    }

    /// What the daemon's shell is to read, so that `call` runs.
    async fn text(&self, call: &Call) -> Result<String, Refused> {
        match &call.stdin {
            None => Ok(command::plain(&call.script)),
            Some(input) if input.len() <= INLINE_BYTES => Ok(command::inline(&call.script, input)),
            Some(input) => {
                // Nothing of the script has run when this fails.
                let directory = self.leave(input.clone()).await?;
                Ok(command::from_file(&call.script, &directory))
            }
        }
    }

    /// Leaves input in a directory that is this user's alone: files that are uploaded are readable to all.
    async fn leave(&self, input: Bytes) -> Result<String, Refused> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Io, "exec", "the system gives no random bytes").with_source(error)
        })?;
        let mut directory = "/tmp/.flue-in-".to_owned();
        for byte in random {
            // Writing to a string does not fail.
            let _ = write!(directory, "{byte:02x}");
        }
        let made = self.execute(&command::private(&directory), None).await?;
        if made.result != "made" {
            let why = "a directory for the command's input cannot be made; look at /tmp of the machine";
            return Err(Error::new(ErrorKind::Io, "exec", why).with("said", made.result.trim()).into());
        }
        self.put(&SandboxPath::new(format!("{directory}/in"))?, input).await?;
        Ok(directory)
    }

    async fn execute(&self, text: &str, limit: Option<Duration>) -> Result<Executed, Refused> {
        let seconds = limit.unwrap_or(LONGEST).min(LONGEST).as_secs().max(1);
        let request = self.toolbox.request("exec", Method::POST, &["process", "execute"])?;
        let request = request.json(&json!({"command": text, "timeout": seconds}))?.patient().limit(REPLY_LIMIT);
        let reply = match request.done().await {
            Ok(reply) => reply,
            Err(refused) => return Err(self.judge("exec", refused).await),
        };
        Ok(reply.json().await?)
    }

    /// What a refusal means, once the machine was looked at.
    pub(crate) async fn judge(&self, operation: &'static str, refused: Refused) -> Refused {
        let is_resting = refused.error.fact("code") == Some(NOT_RUNNING);
        if !is_resting && refused.error.kind() != ErrorKind::NotFound {
            return refused;
        }
        match self.probe().await {
            Ok(Liveness::Dead(_)) => stopped(operation, refused.error).into(),
            // It is about to run, or the proxy has not heard of it yet. Nothing was handed on.
            _ if is_resting => {
                let why = "the machine does not take calls yet";
                let error = Error::new(ErrorKind::Unavailable, operation, why).with_source(refused.error);
                Refused::unsent(error.with_retry(Retry::Backoff))
            }
            _ => refused,
        }
    }

    /// Tells the provider now and then that the machine is in use: what runs inside does not count there.
    async fn tell(&self, found: &Sandbox) {
        let Some(patience) = found.auto_stop() else { return };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() < patience / TOLD {
                return;
            }
            *told = Instant::now();
        }
        if let Err(error) = self.api.act("keep alive", &self.id, &["last-activity"]).await {
            tracing::debug!(%error, "the provider could not be told that a machine is in use");
        }
    }
}

#[async_trait]
impl Driver for Machine {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, call: Call) -> Result<Ended, Refused> {
        let text = self.text(&call).await?;
        match self.execute(&text, call.timeout).await {
            Ok(Executed { exit_code, result }) => {
                call.output.output(OutputStream::Stdout, result.as_bytes());
                // The daemon's number for a shell that a signal killed.
                Ok(exit_code
                    .map_or(Ended::Unknown, |code| if code < 0 { Ended::Signalled } else { Ended::Exited(code) }))
            }
            // What was said until then is lost.
            Err(refused) if refused.error.fact("code") == Some("PROCESS_EXECUTION_TIMEOUT") => Ok(Ended::TimedOut),
            Err(refused) => Err(refused),
        }
    }

    async fn probe(&self) -> Result<Liveness> {
        match self.api.look(&self.id).await {
            Ok(found) if State::is_dead(&found.state) => Ok(Liveness::Dead(Death::Stopped)),
            Ok(found) => {
                self.tell(&found).await;
                Ok(Liveness::Alive)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Liveness::Dead(Death::Stopped)),
            Err(error) => Err(error),
        }
    }

    fn files(&self) -> Option<&dyn Transfer> {
        Some(self)
    }

    async fn disconnect(&self) -> Result<()> {
        // Each request stands by itself.
        Ok(())
    }
}
