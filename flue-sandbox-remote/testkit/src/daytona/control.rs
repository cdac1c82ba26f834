//! The control API: creating, finding, changing and ending sandboxes.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::Shared;
use super::sandbox::{Network, Sandbox, State, timestamp};
use crate::http::{Request, Response, decode};

/// Answers one request; `path` is what follows the base address.
pub(super) fn answer(shared: &Shared, request: &Request, path: &str) -> Response {
    let parts: Vec<String> = path.trim_start_matches('/').split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("POST", ["sandbox"]) => create(shared, request),
        ("GET", ["sandbox"]) => list(shared, request),
        (method, ["sandbox", id, action @ ..]) => match shared.get(id) {
            Some(sandbox) => one(shared, &sandbox, method, action, request),
            None => error(404, "NOT_FOUND", &format!("Sandbox with ID or name {id} not found")),
        },
        (method, _) => error(404, "NOT_FOUND", &format!("Cannot {method} {path}")),
    }
}

fn create(shared: &Shared, request: &Request) -> Response {
    let body = request.json();
    let Some(_) = body.as_object() else { return error(400, "BAD_REQUEST", "the body is no object") };
    if let Some(name) = body["name"].as_str().filter(|name| shared.get(name).is_some()) {
        return error(409, "CONFLICT", &format!("Sandbox with name {name} already exists"));
    }
    if let Some(list) = body["networkAllowList"].as_str()
        && let Err(why) = check_list(list)
    {
        return error(400, "BAD_REQUEST", &why);
    }
    match Sandbox::create(&body, shared.habits.network_settings) {
        Ok(sandbox) => {
            let created = sandbox.described(&shared.toolbox());
            shared.all().insert(sandbox.id().to_owned(), Arc::new(sandbox));
            Response::json(200, &created)
        }
        Err(cause) => error(500, "INTERNAL_SERVER_ERROR", &cause.to_string()),
    }
}

/// At most ten ranges of IPv4 addresses.
fn check_list(list: &str) -> Result<(), String> {
    let entries: Vec<&str> = list.split(',').map(str::trim).collect();
    if entries.len() > 10 {
        return Err("network allow list cannot contain more than 10 networks".to_owned());
    }
    let is_range = |entry: &str| {
        let Some((address, bits)) = entry.split_once('/') else { return false };
        address.parse::<std::net::Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
    };
    match entries.iter().find(|entry| !is_range(entry)) {
        Some(entry) => Err(format!("invalid network: {entry}; expected IPv4 CIDR notation")),
        None => Ok(()),
    }
}

fn list(shared: &Shared, request: &Request) -> Response {
    shared.tick();
    let wanted: Value = match request.param("labels").map(serde_json::from_str) {
        None => json!({}),
        Some(Ok(wanted)) => wanted,
        Some(Err(_)) => return error(400, "BAD_REQUEST", "Invalid labels JSON format"),
    };
    let wanted = super::sandbox::strings(&wanted);
    let asked = request.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
    let limit = match shared.habits.page {
        0 => usize::MAX,
        page => page.min(asked),
    };
    let after = request.param("cursor").unwrap_or("");
    let all = shared.all();
    let mut found: Vec<&Arc<Sandbox>> = all
        .values()
        .filter(|sandbox| sandbox.id() > after)
        .filter(|sandbox| {
            let labels = sandbox.labels();
            wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
        })
        .collect();
    let next = (found.len() > limit).then(|| found.get(limit - 1).map(|sandbox| sandbox.id().to_owned())).flatten();
    found.truncate(limit);
    let toolbox = shared.toolbox();
    let items: Vec<Value> = found.iter().map(|sandbox| sandbox.described(&toolbox)).collect();
    let answer = if limit == usize::MAX { items.into() } else { json!({"items": items, "nextCursor": next}) };
    Response::json(200, &answer)
}

fn one(shared: &Shared, sandbox: &Sandbox, method: &str, action: &[&str], request: &Request) -> Response {
    let number = |text: &str| text.parse::<i64>().ok();
    let state = sandbox.state();
    match (method, action) {
        ("GET", []) => {}
        ("DELETE", []) => sandbox.destroy(),
        ("POST", ["start"]) if state == State::Started => {}
        ("POST", ["start"]) if state == State::Stopped => sandbox.start(),
        ("POST", ["stop"]) if state == State::Started => sandbox.stop(),
        ("POST", ["start" | "stop"]) => {
            return error(400, "BAD_REQUEST", "Sandbox state change in progress, or not in a valid state");
        }
        ("PUT", ["labels"]) => {
            sandbox.set_labels(&request.json());
            return Response::json(200, &json!({"labels": sandbox.labels()}));
        }
        ("POST", ["last-activity"]) => {
            sandbox.touch();
            return Response::empty(201);
        }
        ("POST", ["network-settings"]) if shared.habits.network_settings => {
            sandbox.set_network(Network::read(&request.json()));
        }
        ("POST", ["network-settings"]) => return error(403, "FORBIDDEN", "Your organization cannot change this"),
        ("POST", ["autostop", minutes]) if number(minutes).is_some_and(|minutes| minutes >= 0) => {
            sandbox.set_auto_stop(number(minutes).unwrap_or(0));
        }
        ("POST", ["autodelete", minutes]) if number(minutes).is_some() => {
            sandbox.set_auto_delete(number(minutes).unwrap_or(-1));
        }
        ("POST", ["ttl", minutes]) if number(minutes).is_some_and(|minutes| minutes >= 0) => {
            sandbox.set_ttl(number(minutes).unwrap_or(0));
        }
        _ => return error(404, "NOT_FOUND", &format!("Cannot {method} {}", request.path)),
    }
    Response::json(200, &sandbox.described(&shared.toolbox()))
}

/// An error of the control API.
pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    let body = json!({
        "statusCode": status, "message": message, "code": code, "source": "DAYTONA_API",
        "timestamp": timestamp(SystemTime::now()),
    });
    Response::json(status, &body)
}
