//! The REST interface: things made, got, listed, changed, deleted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{bad_label, is_selected, merge, missing, refusal};
use super::{NAMESPACE, POOL, Shared, State, TOKEN, control, exec, watch};
use crate::http::{Request, Response};

/// What there is: group and version, plural, kind.
const RESOURCES: &[(&str, &str, &str)] = &[
    ("v1", "pods", "Pod"),
    ("extensions.agents.x-k8s.io/v1beta1", "sandboxclaims", "SandboxClaim"),
    ("extensions.agents.x-k8s.io/v1beta1", "sandboxtemplates", "SandboxTemplate"),
    ("extensions.agents.x-k8s.io/v1beta1", "sandboxwarmpools", "SandboxWarmPool"),
    ("agents.x-k8s.io/v1beta1", "sandboxes", "Sandbox"),
];

/// Answers one request.
pub(super) fn answer(shared: &Arc<Shared>, request: Request) -> Response {
    if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return refusal(401, "Unauthorized", "Unauthorized");
    }
    let path = request.path.trim_start_matches('/').to_owned();
    let path = path.strip_prefix("apis/").or_else(|| path.strip_prefix("api/")).unwrap_or_default();
    let Some((version, rest)) = path.split_once("/namespaces/") else { return missing("path", path) };
    let parts: Vec<&str> = rest.split('/').collect();
    let [namespace, plural, rest @ ..] = parts.as_slice() else { return missing("path", path) };
    let known = RESOURCES.iter().find(|(of, name, _)| *of == version && name == plural);
    let Some((version, plural, kind)) = known else {
        return refusal(404, "NotFound", "the server could not find the requested resource");
    };
    if *namespace != NAMESPACE {
        return refusal(403, "Forbidden", &format!("{plural} is forbidden in the namespace \"{namespace}\""));
    }
    let mut state = shared.state();
    control::reconcile(&mut state);
    match (request.method.as_str(), rest) {
        ("POST", []) => create(&mut state, plural, version, kind, request.json()),
        ("GET", []) if request.param("watch").is_some_and(|watch| watch.eq_ignore_ascii_case("true")) => {
            watch::answer(shared, plural, &request)
        }
        ("GET", []) => list(&state, plural, version, kind, &request),
        ("GET" | "POST", [name, "exec"]) if *plural == "pods" => exec::answer(shared, &mut state, name, &request),
        (method, [name]) => one(&mut state, method, plural, name, &request),
        _ => refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
    }
}

fn create(state: &mut State, plural: &str, version: &str, kind: &str, object: Value) -> Response {
    let Some(name) = object["metadata"]["name"].as_str().map(str::to_owned) else {
        return refusal(422, "Invalid", "metadata.name: Required value: name or generateName is required");
    };
    if let Some(value) = bad_label(&object) {
        return refusal(422, "Invalid", &format!("metadata.labels: Invalid value: \"{value}\""));
    }
    if state.objects.contains_key(&(plural.to_owned(), name.clone())) {
        return refusal(409, "AlreadyExists", &format!("{plural} \"{name}\" already exists"));
    }
    let made = control::add(state, plural, version, kind, object);
    let followed = match plural {
        "pods" => control::boot(state, &name),
        "sandboxclaims" if made["spec"]["warmPoolRef"]["name"] == POOL => control::adopt(state, &name),
        _ => Ok(()),
    };
    match followed {
        Ok(()) => Response::json(201, &made),
        Err(cause) => refusal(500, "InternalError", &cause.to_string()),
    }
}

/// The things of a kind that a request selects.
pub(super) fn selected(state: &State, plural: &str, request: &Request) -> Vec<Value> {
    let (labels, fields) = (request.param("labelSelector").unwrap_or(""), request.param("fieldSelector").unwrap_or(""));
    let all = state.objects.iter().filter(|((of, _), object)| of == plural && is_selected(object, labels, fields));
    all.map(|(_, object)| object.clone()).collect()
}

fn list(state: &State, plural: &str, version: &str, kind: &str, request: &Request) -> Response {
    let all = selected(state, plural, request);
    // Pages, as large as they are asked for; the token is the number of things before.
    let before = request.param("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    let limit = request.param("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let limit = state.page.map_or(limit, |page| page.min(limit));
    let items: Vec<&Value> = all.iter().skip(before).take(limit).collect();
    let mut metadata = json!({"resourceVersion": state.version.to_string()});
    if before + items.len() < all.len() {
        metadata["continue"] = (before + items.len()).to_string().into();
    }
    Response::json(
        200,
        &json!({"kind": format!("{kind}List"), "apiVersion": version, "metadata": metadata, "items": items}),
    )
}

fn one(state: &mut State, method: &str, plural: &str, name: &str, request: &Request) -> Response {
    let key = (plural.to_owned(), name.to_owned());
    let Some(object) = state.objects.get(&key).cloned() else { return missing(plural, name) };
    match method {
        "GET" => Response::json(200, &object),
        "PATCH" => {
            let merges =
                request.header("content-type").is_some_and(|kind| kind.starts_with("application/merge-patch+json"));
            if !merges {
                return refusal(415, "UnsupportedMediaType", "only application/merge-patch+json is modelled");
            }
            let mut changed = object;
            merge(&mut changed, &request.json());
            state.version += 1;
            changed["metadata"]["resourceVersion"] = state.version.to_string().into();
            state.objects.insert(key, changed.clone());
            Response::json(200, &changed)
        }
        "DELETE" => {
            let wanted = &request.json()["preconditions"]["uid"];
            if wanted.is_string() && *wanted != object["metadata"]["uid"] {
                return refusal(409, "Conflict", "Precondition failed: UID in precondition is another");
            }
            control::remove(state, plural, name);
            if plural == "pods" {
                return Response::json(200, &object);
            }
            Response::json(
                200,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {"name": name, "kind": plural, "uid": object["metadata"]["uid"]}}),
            )
        }
        _ => refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
    }
}
