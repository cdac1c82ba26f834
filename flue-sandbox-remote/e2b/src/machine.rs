//! One machine: scripts in it, by `envd`, the service inside.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flue_core::{Error, ErrorKind, Result, Retry};
use flue_sandbox_remote_kit::http::{HeaderValue, Http, Method, Reply};
use flue_sandbox_remote_kit::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};
use serde_json::json;
use tokio::sync::oneshot;

use crate::api::Api;
use crate::frames::{Frames, Told, request};

/// What a stream is made of.
const STREAM: &str = "application/connect+json";
/// The version of the Connect protocol, and its header.
const PROTOCOL: (&str, &str) = ("connect-protocol-version", "1");
/// The header that asks for signs of life on a stream, every so many seconds: proxies drop what is silent.
const KEEPALIVE: (&str, &str) = ("keepalive-ping-interval", "30");
/// The header with the time limit of a process, in milliseconds.
const TIMEOUT: &str = "connect-timeout-ms";
/// How much input goes in one message: a fraction of what gateways take.
const INPUT_BYTES: usize = 512 << 10;
/// How often within its life a machine that is in use is given all of it again.
const RENEWALS: u32 = 6;

/// A machine of E2B.
#[derive(Debug)]
pub(crate) struct Machine {
    api: Api,
    id: String,
    pub(crate) envd: Http,
    facts: Facts,
    life: Duration,
    renewed: Mutex<Instant>,
}

impl Machine {
    /// A machine that was just given `life`.
    pub(crate) fn new(api: Api, id: String, envd: Http, facts: Facts, life: Duration) -> Self {
        let renewed = Mutex::new(Instant::now());
        Self { api, id, envd, facts, life, renewed }
    }

    /// The same with other facts.
    pub(crate) fn described(self, facts: Facts) -> Self {
        Self { facts, ..self }
    }

    async fn start(&self, call: &Call) -> Result<Reply, Refused> {
        let [shell, flag, script] = call.argv();
        // No directory: a machine's own is its home.
        let process = json!({"cmd": shell, "args": [flag, script], "envs": {}, "cwd": ""});
        let message = request(&json!({"process": process, "stdin": call.stdin.is_some()}));
        let mut start = self.envd.request("exec", Method::POST, &["process.Process", "Start"])?;
        start =
            start.body(STREAM, message).header(PROTOCOL.0, plain(PROTOCOL.1)?).header(KEEPALIVE.0, plain(KEEPALIVE.1)?);
        if let Some(limit) = call.timeout {
            start = start.header(TIMEOUT, plain(&limit.as_millis().to_string())?);
        }
        match start.patient().done().await {
            Ok(reply) => Ok(reply),
            Err(refused) => Err(self.judge("exec", refused).await),
        }
    }

    /// Gives a process its input, then closes that. A process that ended before it read all is no error.
    async fn feed(&self, pid: u64, input: &Bytes) -> Result<()> {
        let call = |method, body| async move {
            let request = self.envd.request("exec", Method::POST, &["process.Process", method])?;
            let request = request.header(PROTOCOL.0, plain(PROTOCOL.1)?).json(&body)?;
            request.done().await.map(drop)
        };
        let process = json!({"pid": pid});
        for piece in input.chunks(INPUT_BYTES) {
            let body = json!({"process": process, "input": {"stdin": STANDARD.encode(piece)}});
            match call("SendInput", body).await {
                Ok(()) => {}
                // It is gone, or closed its input; its stream says how it ended.
                Err(refused) if refused.error.fact("code").is_some() => return Ok(()),
                Err(refused) => return Err(refused.error),
            }
        }
        match call("CloseStdin", json!({"process": process})).await {
            Err(refused) if refused.error.fact("code").is_none() => Err(refused.error),
            _ => Ok(()),
        }
    }

    /// Hands on what a process writes until its stream is over. Says when it started.
    async fn follow(&self, mut stream: Reply, call: &Call, started: oneshot::Sender<u64>) -> Result<Ended, Refused> {
        let (mut frames, mut ended, mut started) = (Frames::default(), None, Some(started));
        loop {
            let Some(chunk) = stream.chunk().await? else {
                let why = "the stream of the process broke off; what ran may go on";
                return Err(Error::new(ErrorKind::Unavailable, "exec", why).into());
            };
            frames.push(&chunk);
            while let Some(told) = frames.next()? {
                match told {
                    Told::Started { pid } => {
                        // Nobody listens where there is no input.
                        let _ = started.take().map(|started| started.send(pid));
                    }
                    Told::Output(stream, bytes) => call.output.output(stream, &bytes),
                    Told::Ended(status) => ended = Some(status.map_or(Ended::Signalled, Ended::Exited)),
                    Told::Over(None) => return Ok(ended.unwrap_or(Ended::Unknown)),
                    Told::Over(Some((code, _))) if code == "deadline_exceeded" => return Ok(Ended::TimedOut),
                    Told::Over(Some((code, said))) => return Err(self.refused(code, said, started.is_some()).await),
                }
            }
        }
    }

    /// The error with which a stream ended.
    async fn refused(&self, code: String, said: String, is_unsent: bool) -> Refused {
        let kind = match code.as_str() {
            "resource_exhausted" => ErrorKind::LimitExceeded,
            "unauthenticated" => ErrorKind::Authentication,
            "permission_denied" => ErrorKind::PermissionDenied,
            "unavailable" => ErrorKind::Unavailable,
            _ => ErrorKind::Protocol,
        };
        let why = "the machine did not run the process to its end";
        let error = Error::new(kind, "exec", why).with("code", code).with("said", said);
        self.judge("exec", Refused { error, unsent: is_unsent }).await
    }

    /// What a failure means, once the machine was looked at.
    pub(crate) async fn judge(&self, operation: &'static str, refused: Refused) -> Refused {
        match refused.error.kind() {
            // The gateway knows no such machine: 502; or it went while it was spoken to.
            ErrorKind::Unavailable | ErrorKind::NotFound | ErrorKind::Protocol => {}
            _ => return refused,
        }
        match self.probe().await {
            Ok(Liveness::Dead(death)) => died(operation, death).with_source(refused.error).into(),
            _ => refused,
        }
    }

    /// Gives a machine that is in use all of its life again, now and then. What runs inside does not count at the provider.
    async fn renew(&self) {
        if self.unrenewed() < self.life / RENEWALS {
            return;
        }
        match self.api.set_life("keep alive", &self.id, self.life).await {
            Ok(()) => *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now(),
            Err(error) => tracing::debug!(%error, "the provider could not be told that a machine is in use"),
        }
    }

    fn unrenewed(&self) -> Duration {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// A header's value.
fn plain(text: &str) -> Result<HeaderValue> {
    text.parse().map_err(|_| Error::new(ErrorKind::Internal, "exec", "a header cannot be said"))
}

#[async_trait]
impl Driver for Machine {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    async fn run(&self, call: Call) -> Result<Ended, Refused> {
        self.renew().await;
        let stream = self.start(&call).await?;
        let (started, pid) = oneshot::channel();
        let feed = async {
            if let (Some(input), Ok(pid)) = (&call.stdin, pid.await)
                && let Err(error) = self.feed(pid, input).await
            {
                return error;
            }
            std::future::pending().await
        };
        tokio::select! {
            ended = self.follow(stream, &call, started) => match ended {
                Err(refused) => Err(self.judge("exec", refused).await),
                ended => ended,
            },
            error = feed => Err(self.judge("exec", error.into()).await),
        }
    }

    async fn probe(&self) -> Result<Liveness> {
        match self.api.look(&self.id).await {
            Ok(found) if found.is_paused() => Ok(Liveness::Dead(Death::Stopped)),
            Ok(_) => {
                self.renew().await;
                Ok(Liveness::Alive)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(Liveness::Dead(if self.unrenewed() >= self.life { Death::Expired } else { Death::Stopped }))
            }
            Err(error) => Err(error.with_retry(Retry::Backoff)),
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
