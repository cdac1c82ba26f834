//! A cluster: a client that is made when it is first needed, and the few requests of this library.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use flue_core::{Error, ErrorKind, Result, Retry};
use flue_sandbox_remote_kit::Secret;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};

use crate::failure::failure;

/// How long one request may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How many times a request that may be sent again is sent, and how long the first pause between is; each is twice the last.
const SENDS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that a cluster may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Things in one page of a list, and the most pages that are read.
const PAGE: u32 = 500;
const MAX_PAGES: usize = 100;

/// What is asked for: the group, version, kind and path of agent-sandbox's `v1beta1`, and of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Pod,
    Claim,
    Sandbox,
}

impl Kind {
    pub(crate) fn resource(self) -> ApiResource {
        let (group, version, kind, plural) = match self {
            Self::Pod => ("", "v1", "Pod", "pods"),
            Self::Claim => ("extensions.agents.x-k8s.io", "v1beta1", "SandboxClaim", "sandboxclaims"),
            Self::Sandbox => ("agents.x-k8s.io", "v1beta1", "Sandbox", "sandboxes"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

#[derive(Debug, Clone)]
enum Source {
    /// What `kubectl` would take, or the account of the pod that this runs in.
    Found,
    At {
        url: String,
        token: Secret,
    },
}

/// A cluster and a namespace of it.
#[derive(Clone)]
pub(crate) struct Cluster {
    source: Source,
    namespace: Option<String>,
    client: Arc<OnceCell<Client>>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Cluster");
        shown.field("source", &self.source).field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) fn found() -> Self {
        Self { source: Source::Found, namespace: None, client: Arc::default() }
    }

    pub(crate) fn at(url: String, token: Secret) -> Self {
        Self { source: Source::At { url, token }, ..Self::found() }
    }

    pub(crate) fn in_namespace(mut self, namespace: String) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// The client. Made late: it belongs to the runtime that it is made in.
    pub(crate) async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| self.connect()).await
    }

    pub(crate) async fn namespace(&self) -> Result<&str> {
        match &self.namespace {
            Some(namespace) => Ok(namespace),
            None => Ok(self.client().await?.default_namespace()),
        }
    }

    async fn connect(&self) -> Result<Client> {
        let mut config = match &self.source {
            // Its errors may quote the file, which has credentials.
            Source::Found => Config::infer().await.map_err(|_| {
                let why = "no cluster is configured; set KUBECONFIG to a file that `kubectl` accepts";
                Error::new(ErrorKind::Config, "open", why)
            })?,
            Source::At { url, token } => {
                let why = "this is no address of a cluster; it starts with https://";
                let at = url.parse().map_err(|_| Error::new(ErrorKind::Config, "open", why))?;
                let mut config = Config::new(at);
                config.auth_info.token = Some(token.expose().to_owned().into());
                config
            }
        };
        // A command may be silent for long. What is sent again is decided here, request by request.
        (config.read_timeout, config.write_timeout, config.default_retry) = (None, None, false);
        Client::try_from(config).map_err(|error| failure("open", error).error)
    }

    async fn api(&self, kind: Kind) -> Result<Api<DynamicObject>> {
        Ok(Api::namespaced_with(self.client().await?.clone(), self.namespace().await?, &kind.resource()))
    }

    /// Makes a thing. Sent once: what was made and not told of would be nobody's.
    pub(crate) async fn create(&self, kind: Kind, manifest: Value) -> Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(manifest)
            .map_err(|error| Error::new(ErrorKind::Internal, "create", "this is no manifest").with_source(error))?;
        let (api, params) = (self.api(kind).await?, PostParams::default());
        once("create", api.create(&params, &object)).await
    }

    pub(crate) async fn get(&self, operation: &'static str, kind: Kind, name: &str) -> Result<Option<DynamicObject>> {
        let api = self.api(kind).await?;
        repeat(|| once(operation, api.get_opt(name))).await.map_err(|error| error.with("name", name))
    }

    /// As [`Cluster::get`], asked once.
    pub(crate) async fn look(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>> {
        once("probe", self.api(kind).await?.get_opt(name)).await
    }

    /// The things that these labels select.
    pub(crate) async fn list(&self, kind: Kind, selector: &str) -> Result<Vec<DynamicObject>> {
        let api = self.api(kind).await?;
        let mut params = ListParams::default().labels(selector).limit(PAGE);
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = repeat(|| once("find", api.list(&params))).await?;
            found.extend(page.items);
            match page.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => params = params.continue_token(&next),
                None => return Ok(found),
            }
        }
        let why = "the namespace has more machines than are looked through; delete those that are not needed";
        Err(Error::new(ErrorKind::LimitExceeded, "find", why).with("pages", MAX_PAGES))
    }

    /// Merges a change into a thing.
    pub(crate) async fn change(&self, operation: &'static str, kind: Kind, name: &str, change: &Value) -> Result<()> {
        let (api, params, patch) = (self.api(kind).await?, PatchParams::default(), Patch::Merge(change));
        let sent = repeat(|| once(operation, api.patch(name, &params, &patch))).await;
        sent.map(drop).map_err(|error| error.with("name", name))
    }

    /// Deletes a thing. One that is gone is fine.
    pub(crate) async fn delete(&self, kind: Kind, name: &str) -> Result<()> {
        let (api, params) = (self.api(kind).await?, DeleteParams::default());
        match repeat(|| once("delete", api.delete(name, &params))).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.with("name", name)),
            _ => Ok(()),
        }
    }
}

async fn once<T>(operation: &'static str, request: impl Future<Output = kube::Result<T>>) -> Result<T> {
    match timeout(ANSWER_LIMIT, request).await {
        Ok(answer) => answer.map_err(|error| failure(operation, error).error),
        Err(_) => {
            let why = "the cluster does not answer; look at its address and the network";
            Err(Error::new(ErrorKind::Unavailable, operation, why).with_retry(Retry::Backoff))
        }
    }
}

/// Sends again what may be sent again, while the cluster says that this may help.
async fn repeat<T, F: Future<Output = Result<T>>>(send: impl Fn() -> F) -> Result<T> {
    let mut pause = PAUSE;
    for _ in 1..SENDS {
        match send().await {
            Err(error) => match error.retry() {
                Retry::Never => return Err(error),
                Retry::After(time) => sleep(time.min(MAX_PAUSE)).await,
                _ => sleep(pause).await,
            },
            answer => return answer,
        }
        pause *= 2;
    }
    send().await
}
