//! The provider's control API: machines as it describes them.

use std::time::Duration;

use flue_core::{Error, ErrorKind, Result, Retry};
use flue_sandbox_remote_kit::http::{Http, Method};
use flue_sandbox_remote_kit::{Death, Labels, died};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::state::State;

/// How many machines a page of a listing has: the most that the interface gives.
const PAGE: usize = 200;
/// The most pages of a listing that are read.
const MAX_PAGES: usize = 100;
/// How often a machine is looked at that is to start or stop; twice as long after each look.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_LAST: Duration = Duration::from_secs(2);
/// How long starting may take: a snapshot may have to be pulled, an archive to be restored.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long stopping may take.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// The control API with its credentials.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) http: Http,
}

/// A machine, as far as this library asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sandbox {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) labels: Labels,
    #[serde(default)]
    pub(crate) network_block_all: bool,
    pub(crate) network_allow_list: Option<String>,
    pub(crate) domain_allow_list: Option<String>,
    /// In minutes; 0 for never.
    pub(crate) auto_stop_interval: Option<f64>,
    pub(crate) error_reason: Option<String>,
    pub(crate) toolbox_proxy_url: Option<String>,
}

impl Sandbox {
    pub(crate) fn state(&self) -> State {
        State::named(&self.state)
    }

    /// After how long without activity the provider stops it; nothing where it does not.
    pub(crate) fn auto_stop(&self) -> Option<Duration> {
        let minutes = self.auto_stop_interval.filter(|minutes| *minutes > 0.0)?;
        Duration::try_from_secs_f64(minutes * 60.0).ok()
    }

    /// The daemon inside it.
    pub(crate) fn toolbox(&self, http: &Http) -> Result<Http> {
        let base = self.toolbox_proxy_url.as_deref().unwrap_or("https://proxy.app.daytona.io/toolbox");
        http.at(&format!("{}/{}", base.trim_end_matches('/'), self.id))
    }

    fn failed(&self, operation: &'static str) -> Error {
        let why =
            "the machine is in a state of error; recover or delete it at the provider, then open the sandbox again";
        let error = Error::new(ErrorKind::SandboxDied, operation, why).with("reason", Death::Stopped.name());
        error.with("state", &self.state).with("said", self.error_reason.as_deref().unwrap_or("nothing"))
    }
}

/// A page of a listing. The interface of 0.190, the last whose source is public, has all machines in one array.
fn page(reply: Value) -> Result<(Vec<Sandbox>, Option<String>)> {
    let cursor = reply.get("nextCursor").and_then(Value::as_str).filter(|cursor| !cursor.is_empty()).map(str::to_owned);
    let items = match reply {
        Value::Object(mut fields) => fields.remove("items").unwrap_or_default(),
        other => other,
    };
    let items = serde_json::from_value(items).map_err(|error| {
        let why = "the provider lists machines otherwise than was expected; look at its address and version";
        Error::new(ErrorKind::Protocol, "find", why).with_source(error)
    })?;
    Ok((items, cursor))
}

impl Api {
    pub(crate) async fn create(&self, body: &Value) -> Result<Sandbox> {
        // Sent once: a machine that was made and not told of would be nobody's.
        let reply =
            self.http.request("create", Method::POST, &["sandbox"])?.json(body)?.silence(START_LIMIT).done().await;
        reply.map_err(|refused| refused.error)?.json().await
    }

    /// The machine of this id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, or it is about to go.
    pub(crate) async fn get(&self, operation: &'static str, id: &str) -> Result<Sandbox> {
        let found: Sandbox = self
            .http
            .request(operation, Method::GET, &["sandbox", id])?
            .repeat()
            .await
            .map_err(named(id))?
            .json()
            .await?;
        if found.state() == State::Gone {
            let why = "the machine is being deleted; open the sandbox again to make another";
            return Err(Error::new(ErrorKind::NotFound, operation, why).with("machine", id));
        }
        Ok(found)
    }

    /// As [`Api::get`], asked once, and content with a machine that goes.
    pub(crate) async fn look(&self, id: &str) -> Result<Sandbox> {
        let reply = self.http.request("probe", Method::GET, &["sandbox", id])?.done().await;
        reply.map_err(|refused| refused.error)?.json().await
    }

    /// The machines that carry these labels, but for those that go.
    pub(crate) async fn find(&self, labels: &Labels) -> Result<Vec<Sandbox>> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut request = self.http.request("find", Method::GET, &["sandbox"])?;
            request = request.query("labels", &json!(labels).to_string()).query("limit", &PAGE.to_string());
            if let Some(cursor) = &cursor {
                request = request.query("cursor", cursor);
            }
            let (items, next) = page(request.repeat().await?.json().await?)?;
            found.extend(items);
            cursor = next;
            if cursor.is_none() {
                found.retain(|sandbox| sandbox.state() != State::Gone);
                return Ok(found);
            }
        }
        let why = "the account has more machines than are looked through; delete those that are not needed";
        Err(Error::new(ErrorKind::LimitExceeded, "find", why).with("limit", PAGE * MAX_PAGES))
    }

    /// Does to a machine what does no harm twice: `POST /sandbox/{id}/{action}`.
    pub(crate) async fn act(&self, operation: &'static str, id: &str, action: &[&str]) -> Result<()> {
        let path: Vec<&str> = ["sandbox", id].into_iter().chain(action.iter().copied()).collect();
        self.http.request(operation, Method::POST, &path)?.repeat().await.map(drop).map_err(named(id))
    }

    pub(crate) async fn set_labels(&self, operation: &'static str, id: &str, labels: &Labels) -> Result<()> {
        let request = self.http.request(operation, Method::PUT, &["sandbox", id, "labels"])?;
        request.json(&json!({"labels": labels}))?.repeat().await.map(drop).map_err(named(id))
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        match self.http.request("delete", Method::DELETE, &["sandbox", id])?.repeat().await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(named(id)(error)),
            _ => Ok(()),
        }
    }

    /// Waits until a machine takes calls; starts one that rests.
    pub(crate) async fn awake(&self, operation: &'static str, id: &str) -> Result<Sandbox> {
        self.bring(operation, id, State::Runs, (State::Rests, "start"), START_LIMIT).await
    }

    /// Stops a machine, and waits until it did.
    pub(crate) async fn stop(&self, id: &str) -> Result<()> {
        self.bring("stop", id, State::Rests, (State::Runs, "stop"), STOP_LIMIT).await.map(drop)
    }

    /// Waits until a machine is in the state `aim`. One that is in the state `from` is told once what to do.
    async fn bring(
        &self,
        operation: &'static str,
        id: &str,
        aim: State,
        (from, action): (State, &str),
        limit: Duration,
    ) -> Result<Sandbox> {
        let end = Instant::now() + limit;
        let (mut wait, mut told) = (LOOK_FIRST, false);
        loop {
            let found = self.get(operation, id).await?;
            let state = found.state();
            if state == aim {
                return Ok(found);
            }
            if state == State::Failed {
                return Err(found.failed(operation));
            }
            if state == from && !told {
                self.act(operation, id, &[action]).await?;
                told = true;
            }
            if Instant::now() >= end {
                let why = "the machine does not come into the state that was asked for; look at it at the provider";
                return Err(Error::new(ErrorKind::Timeout, operation, why)
                    .with("machine", id)
                    .with("state", &found.state)
                    .with("seconds", limit.as_secs())
                    .with_retry(Retry::Backoff));
            }
            sleep(wait).await;
            wait = (wait * 2).min(LOOK_LAST);
        }
    }
}

/// Says which machine an error is about.
fn named(id: &str) -> impl Fn(Error) -> Error {
    move |error| error.with("machine", id)
}

/// The error of a machine that stopped.
pub(crate) fn stopped(operation: &'static str, cause: Error) -> Error {
    died(operation, Death::Stopped).with_source(cause)
}
