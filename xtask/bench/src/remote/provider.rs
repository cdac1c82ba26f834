//! Providers of machines: stand-ins of the testkit that run commands for real, in this process.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use flue_core::{Error, ErrorKind, Result};
use flue_sandbox_remote::RemoteSandbox;
use flue_sandbox_remote::cloudflare::Cloudflare;
use flue_sandbox_remote::daytona::Daytona;
use flue_sandbox_remote::e2b::E2b;
use flue_sandbox_remote::kubernetes::Kubernetes;
use flue_sandbox_remote_testkit::{cloudflare, daytona, e2b, kubernetes};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::client::Client;
use super::request::Request;
use super::{Load, Place, open};

/// The variable that names the directory in which the bridge is installed.
const PACKAGES: &str = "FLUE_PEERS_DIR";

pub(super) fn e2b(runtime: &Runtime, _: &Load) -> Result<Place> {
    let server = runtime.block_on(e2b::E2b::start()).map_err(refused)?;
    let machines = E2b::new(e2b::API_KEY)?.api_url(&server.api_url())?.sandbox_url(server.sandbox_url())?;
    let sandbox = runtime.block_on(open(machines))?;
    let ask = format!("GET /sandboxes/{}", sandbox.machine());
    let facts = Request::new(&server.api_url(), &ask, &[("x-api-key", e2b::API_KEY)], b"", "{")?.send()?;
    let facts: Value = serde_json::from_str(&facts).map_err(|error| unknown().with_source(error))?;
    let token = facts["envdAccessToken"].as_str().ok_or_else(unknown)?;
    // One message of a stream: a byte of flags, four of length, and JSON.
    let message = json!({"process": {"cmd": "/bin/sh", "args": ["-c", "true"]}, "stdin": false}).to_string();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let body = [&[0], &length[..], message.as_bytes()].concat();
    let headers = [
        ("content-type", "application/connect+json"),
        ("e2b-sandbox-id", sandbox.machine()),
        ("x-access-token", token),
    ];
    let line = "POST /process.Process/Start";
    let request = Request::new(&server.sandbox_url(), line, &headers, &body, r#""exitCode":0"#)?;
    Ok(place(sandbox, Some(request), server))
}

pub(super) fn daytona(runtime: &Runtime, _: &Load) -> Result<Place> {
    let server = runtime.block_on(daytona::Daytona::start()).map_err(refused)?;
    let machines = Daytona::new(daytona::API_KEY)?.address(&server.api_url())?;
    let sandbox = runtime.block_on(open(machines))?;
    let bearer = format!("Bearer {}", daytona::API_KEY);
    let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
    let body = json!({"command": "true", "timeout": 60}).to_string();
    let line = format!("POST /toolbox/{}/process/execute", sandbox.machine());
    let base = server.api_url();
    let base = base.trim_end_matches("/api");
    let request = Request::new(base, &line, &headers, body.as_bytes(), r#""exitCode":0"#)?;
    Ok(place(sandbox, Some(request), server))
}

/// Cloudflare's own bridge, in its own runtime; the stand-ins are the containers.
pub(super) fn cloudflare(runtime: &Runtime, _: &Load) -> Result<Place> {
    let packages = std::env::var_os(PACKAGES).ok_or_else(|| {
        let why = "FLUE_PEERS_DIR names no directory; name one in which the bridge is, or is to be installed";
        Error::new(ErrorKind::Unavailable, "start the bridge", why)
    })?;
    let server = runtime.block_on(cloudflare::Cloudflare::start(Path::new(&packages))).map_err(refused)?;
    let machines = Cloudflare::new(server.url(), cloudflare::API_KEY)?;
    let sandbox = runtime.block_on(open(machines))?;
    let bearer = format!("Bearer {}", cloudflare::API_KEY);
    let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
    let body = json!({"argv": ["/bin/sh", "-c", "true"]}).to_string();
    let line = format!("POST /v1/sandbox/{}/exec", sandbox.machine());
    let request = Request::new(server.url(), &line, &headers, body.as_bytes(), r#""exit_code":0"#)?;
    Ok(place(sandbox, Some(request), server))
}

/// Its client upgrades a connection to a WebSocket for each command: nothing bare stands beside it.
pub(super) fn kubernetes(runtime: &Runtime, _: &Load) -> Result<Place> {
    let server = runtime.block_on(kubernetes::Kubernetes::start()).map_err(refused)?;
    let machines = Kubernetes::pool(kubernetes::POOL).server(server.url(), kubernetes::TOKEN);
    Ok(place(runtime.block_on(open(machines.namespace(kubernetes::NAMESPACE)))?, None, server))
}

fn place(sandbox: Arc<RemoteSandbox>, request: Option<Request>, server: impl Any) -> Place {
    let clients = request.into_iter().map(|request| Box::new(request) as Box<dyn Client>).collect();
    Place { sandbox, clients, is_stand_in: true, _held: Box::new(server) }
}

fn unknown() -> Error {
    Error::new(ErrorKind::Protocol, "ask the provider", "it says nothing of the machine")
}

fn refused(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "start a stand-in", "it does not start here").with_source(error)
}
