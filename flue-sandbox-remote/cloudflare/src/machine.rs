//! One container: scripts in it, by the bridge.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flue_core::{Error, ErrorKind, OutputStream, Result};
use flue_sandbox_remote_kit::http::{Http, Method};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};
use serde_json::json;

use crate::events::{Events, Told};
use crate::marks::LABELS_FILE;

/// The directory that is the workspace, and the only one that the bridge starts commands in.
pub(crate) const WORKSPACE: &str = "/workspace";
/// The most output of a script, in bytes: the bridge keeps all of it in the memory of a worker beside streaming it.
const REPLY_BYTES: usize = 8 << 20;
/// From how many bytes on a file goes by the bridge's own interface: a script carries less.
const TRANSFER_BYTES: usize = 64 << 10;
/// How long looking at a container may take, which may have to start.
pub(crate) const LOOK_LIMIT: Duration = Duration::from_secs(60);
/// How long a script may run that has no time limit.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A container behind a bridge.
#[derive(Debug)]
pub(crate) struct Machine {
    bridge: Http,
    id: String,
    facts: Facts,
    /// Whether nothing may be sent any more: asking for a container that is gone starts a new one.
    freed: Arc<AtomicBool>,
}

impl Machine {
    pub(crate) fn new(bridge: Http, id: String, mut facts: Facts) -> Self {
        // The streams are text, whose bytes are replaced where they are no UTF-8; there is no input.
        (facts.exact, facts.live, facts.stdin) = (false, false, false);
        facts.reply_bytes = Some(REPLY_BYTES);
        facts.transfer_from = TRANSFER_BYTES;
        Self { bridge, id, facts, freed: Arc::default() }
    }

    pub(crate) fn is_freed(&self) -> bool {
        self.freed.load(Ordering::SeqCst)
    }

    /// Another connection to the same container.
    pub(crate) fn again(&self) -> Self {
        let (bridge, facts) = (self.bridge.clone(), self.facts.clone());
        Self { bridge, id: self.id.clone(), facts, freed: Arc::clone(&self.freed) }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn bridge(&self) -> &Http {
        &self.bridge
    }

    pub(crate) fn root(&self) -> &str {
        self.facts.root.as_str()
    }

    pub(crate) async fn execute(
        &self,
        argv: &[String],
        limit: Option<Duration>,
        output: &(dyn Fn(OutputStream, &[u8]) + Sync),
    ) -> Result<Ended, Refused> {
        let limit = limit.unwrap_or(LONGEST).min(LONGEST).as_millis();
        let body = json!({"argv": argv, "cwd": WORKSPACE, "timeout_ms": u64::try_from(limit).unwrap_or(u64::MAX)});
        let request = self.bridge.request("exec", Method::POST, &["v1", "sandbox", &self.id, "exec"])?;
        let mut stream = request.json(&body)?.patient().done().await.map_err(unrun)?;
        let mut events = Events::default();
        while let Some(chunk) = stream.chunk().await? {
            events.push(&chunk);
            while let Some(told) = events.next()? {
                match told {
                    Told::Output(stream, bytes) => output(stream, &bytes),
                    // Also of a shell that was ended from outside; what a script did, it says itself.
                    Told::Exited(code) => return Ok(Ended::Exited(code)),
                    Told::Failed { code, said } => {
                        let why = "the bridge lost the command, or could not start it; what ran may go on";
                        let error = Error::new(ErrorKind::Unavailable, "exec", why);
                        return Err(error.with("code", code).with("said", said).into());
                    }
                }
            }
        }
        let why = "the stream of the command broke off; what ran may go on";
        Err(Error::new(ErrorKind::Unavailable, "exec", why).into())
    }

    /// Whether the container is another one than it was: one that ended is replaced by a fresh one, by asking. Unknown where that
    /// cannot be asked.
    async fn is_another(&self) -> bool {
        // Commands start in the workspace.
        let look = format!("test -e {LABELS_FILE}");
        let look = ["/bin/sh".to_owned(), "-c".to_owned(), look];
        let asked = self.execute(&look, Some(LOOK_LIMIT), &|_, _| {}).await;
        matches!(asked, Ok(Ended::Exited(1)))
    }
}

/// A refusal for want of room started nothing.
fn unrun(refused: Refused) -> Refused {
    if refused.error.fact("code") == Some("capacity_exceeded") { Refused::unsent(refused.error) } else { refused }
}

#[async_trait]
impl Driver for Machine {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, call: Call) -> Result<Ended, Refused> {
        let output = |stream, bytes: &[u8]| call.output.output(stream, bytes);
        match self.execute(&call.argv(), call.timeout, &output).await {
            Err(refused)
                if !refused.unsent && refused.error.kind() == ErrorKind::Unavailable && self.is_another().await =>
            {
                Err(died("exec", Death::StateLost).with_source(refused.error).into())
            }
            ended => ended,
        }
    }

    /// Asks the bridge alone: whatever asks a container starts a fresh one under the same id.
    async fn probe(&self) -> Result<Liveness> {
        let asked = self.bridge.request("probe", Method::GET, &["health"])?.done().await;
        asked.map(|_| Liveness::Alive).map_err(|refused| refused.error)
    }

    fn files(&self) -> Option<&dyn Transfer> {
        Some(self)
    }

    async fn disconnect(&self) -> Result<()> {
        // Each request stands by itself.
        self.freed.store(true, Ordering::SeqCst);
        Ok(())
    }
}
