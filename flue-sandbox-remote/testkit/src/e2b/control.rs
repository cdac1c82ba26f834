//! The control API: creating, finding and ending sandboxes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::sandbox::{Sandbox, State};
use super::{API_KEY, Shared};
use crate::http::{Request, Response, decode};

/// Seconds that a sandbox lives when a create request of the first version does not say.
const DEFAULT_TIMEOUT_V1: u64 = 15;
/// The same for the second version, and for connecting.
const DEFAULT_TIMEOUT: u64 = 300;

/// Answers one request.
pub(super) fn answer(shared: &Shared, request: &Request) -> Response {
    if request.header("x-api-key") != Some(API_KEY) {
        return error(401, "Invalid API key");
    }
    let (version, path) = match request.path.strip_prefix("/v2") {
        Some(path) => (2, path),
        None => (1, request.path.as_str()),
    };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["sandboxes"]) => create(shared, request, version),
        ("GET", ["sandboxes"]) => list(shared, request),
        (method, ["sandboxes", id, action @ ..]) => match shared.get(id) {
            Some(sandbox) => one(shared, &sandbox, method, action, request),
            None => error(404, &format!("Sandbox \"{id}\" doesn't exist or you don't have access to it")),
        },
        _ => error(404, "no such path"),
    }
}

fn create(shared: &Shared, request: &Request, version: u8) -> Response {
    let body = request.json();
    if body["templateID"].as_str().is_none() {
        return error(400, "property \"templateID\" is missing");
    }
    let default = if version == 1 { DEFAULT_TIMEOUT_V1 } else { DEFAULT_TIMEOUT };
    match Sandbox::create(&body, default) {
        Ok(sandbox) => {
            let created = sandbox.created();
            shared.all().insert(sandbox.id().to_owned(), Arc::new(sandbox));
            Response::json(201, &created)
        }
        Err(cause) => error(500, &cause.to_string()),
    }
}

fn list(shared: &Shared, request: &Request) -> Response {
    shared.sweep();
    // Encoded as a whole within the parameter, and each name and value once more within the whole.
    let wanted: Vec<(String, String)> = decode(request.param("metadata").unwrap_or(""))
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    let lists_all = shared.lists_all.load(Ordering::SeqCst);
    let states = request.query.iter().filter(|(name, _)| name == "state").flat_map(|(_, value)| value.split(','));
    let states: Vec<&str> = states.collect();
    let found: Vec<Value> = shared
        .all()
        .values()
        .filter(|sandbox| lists_all || wanted.iter().all(|(name, value)| sandbox.metadata().get(name) == Some(value)))
        .map(|sandbox| sandbox.described())
        .filter(|sandbox| states.is_empty() || states.iter().any(|state| sandbox["state"] == *state))
        .collect();
    // A token is the number of sandboxes before.
    let before = request.param("nextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let page: Vec<&Value> = found.iter().skip(before).take(shared.page.load(Ordering::SeqCst)).collect();
    let after = before + page.len();
    let mut response = Response::json(200, &json!(page));
    if after < found.len() {
        response.headers.push(("x-next-token", after.to_string()));
    }
    response
}

fn one(shared: &Shared, sandbox: &Sandbox, method: &str, action: &[&str], request: &Request) -> Response {
    let timeout = request.json()["timeout"].as_u64();
    match (method, action) {
        ("GET", []) => Response::json(200, &sandbox.described()),
        ("DELETE", []) => {
            shared.remove(sandbox.id());
            Response::empty(204)
        }
        ("POST", ["timeout"]) => match timeout {
            Some(seconds) => {
                sandbox.set_timeout(seconds);
                Response::empty(204)
            }
            None => error(400, "property \"timeout\" is missing"),
        },
        ("POST", ["pause"]) if sandbox.pause() => Response::empty(204),
        ("POST", ["pause"]) => error(409, "sandbox is already paused"),
        ("POST", ["connect"]) => {
            let was_paused = sandbox.state() == State::Paused;
            sandbox.set_timeout(timeout.unwrap_or(DEFAULT_TIMEOUT));
            sandbox.resume();
            Response::json(if was_paused { 201 } else { 200 }, &sandbox.created())
        }
        _ => error(404, "no such path"),
    }
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"code": status, "message": message}))
}
