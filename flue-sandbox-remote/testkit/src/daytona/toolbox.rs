//! The toolbox: what a sandbox's daemon answers, and its proxy where there is no daemon.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;

use super::sandbox::{Sandbox, State, timestamp};
use super::{Shared, execute, files, session};
use crate::http::{Request, Response, decode};

/// Answers one request for the sandbox `id`; `path` is what follows it.
pub(super) async fn answer(shared: &Arc<Shared>, request: &Request, id: &str, path: &str) -> Response {
    let Some(sandbox) = shared.get(id) else {
        return error("DAYTONA_PROXY", 404, "NOT_FOUND", &format!("sandbox not found: {id}"));
    };
    if sandbox.state() != State::Started || sandbox.in_state() < shared.habits.proxy_lag {
        let message = "bad request: failed to resolve container IP after 3 attempts: no IP address found. \
                       Is the Sandbox started?";
        return error("DAYTONA_PROXY", 400, "SANDBOX_NOT_RUNNING", message);
    }
    sandbox.touch();
    if let Some(after) = request.die_after {
        let (shared, id) = (shared.clone(), id.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            shared.all().remove(&id).inspect(|sandbox| sandbox.machine().end());
        });
    }
    let mut death = sandbox.machine().death();
    tokio::select! {
        biased;
        _ = death.wait_for(|dead| *dead) => error("DAYTONA_PROXY", 502, "BAD_GATEWAY", "Bad Gateway"),
        response = daemon(shared, &sandbox, request, path) => response,
    }
}

async fn daemon(shared: &Shared, sandbox: &Sandbox, request: &Request, path: &str) -> Response {
    let parts: Vec<String> = path.split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["version"]) => Response::json(200, &json!({"version": "v0.190.0"})),
        ("GET", ["user-home-dir" | "work-dir"]) => {
            Response::json(200, &json!({"dir": sandbox.machine().home().to_string_lossy()}))
        }
        ("POST", ["process", "execute"]) => {
            execute::answer(sandbox, &request.json(), shared.habits.default_limit).await
        }
        (method, ["process", "session", rest @ ..]) => session::answer(sandbox, method, rest, request).await,
        ("POST", ["files", "upload-v2"]) if !shared.habits.upload_v2 => no_page(),
        (method, ["files", rest @ ..]) => files::answer(&sandbox.machine(), method, rest, request),
        _ => no_page(),
    }
}

/// What the daemon's router says of a path that it does not know.
pub(super) fn no_page() -> Response {
    Response::new(404, "text/plain", crate::http::Body::Whole(b"404 page not found".to_vec()))
}

/// An error of the daemon.
pub(super) fn failure(status: u16, code: &str, message: &str) -> Response {
    error("DAYTONA_DAEMON", status, code, message)
}

/// An error of `source`.
pub(super) fn error(source: &str, status: u16, code: &str, message: &str) -> Response {
    let body = json!({
        "statusCode": status, "message": message, "code": code, "source": source,
        "timestamp": timestamp(SystemTime::now()),
    });
    Response::json(status, &body)
}
