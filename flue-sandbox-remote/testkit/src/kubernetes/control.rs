//! What controllers do: claims take a sandbox of the pool, pods come up, what is over goes.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{age, is_over, now};
use super::{NAMESPACE, POOL, State};
use crate::machine::{Machine, random_id};

/// The key of what a test has set.
pub(super) const SETTINGS: &str = "settings";
/// Milliseconds until something is up.
const UP_AFTER: u64 = 200;
/// The annotation of a sandbox whose pod has another name.
const POD_NAME: &str = "agents.x-k8s.io/pod-name";
/// The working directory of the containers.
const HOME: &str = "/app";

/// What is there from the beginning: a pool and its template.
pub(super) fn furnish(state: &mut State) {
    let template = json!({"metadata": {"name": "shell"}, "spec": {"podTemplate": {"spec": {"containers": [{"name": "runtime"}]}}}});
    add(state, "sandboxtemplates", "extensions.agents.x-k8s.io/v1beta1", "SandboxTemplate", template);
    let pool = json!({"metadata": {"name": POOL}, "spec": {"replicas": 1, "sandboxTemplateRef": {"name": "shell"}}});
    add(state, "sandboxwarmpools", "extensions.agents.x-k8s.io/v1beta1", "SandboxWarmPool", pool);
}

/// Keeps a thing, with all that the API server gives it.
pub(super) fn add(state: &mut State, plural: &str, version: &str, kind: &str, mut object: Value) -> Value {
    state.version += 1;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    object["apiVersion"] = version.into();
    object["kind"] = kind.into();
    object["metadata"]["namespace"] = NAMESPACE.into();
    object["metadata"]["uid"] = format!("{:08}-0000-4000-8000-000000000000", state.version).into();
    object["metadata"]["resourceVersion"] = state.version.to_string().into();
    object["metadata"]["creationTimestamp"] = now().into();
    state.objects.insert((plural.to_owned(), name), object.clone());
    object
}

/// Gives a new pod its machine.
///
/// # Errors
///
/// If there is no room for its disk.
pub(super) fn boot(state: &mut State, name: &str) -> io::Result<()> {
    let machine = Machine::new(&random_id()?, HOME)?;
    state.machines.insert(name.to_owned(), Arc::new(machine));
    Ok(())
}

/// Has a new claim adopt a sandbox of the pool, whose name is its own.
///
/// # Errors
///
/// As [`boot`].
pub(super) fn adopt(state: &mut State, claim: &str) -> io::Result<()> {
    let name = format!("{POOL}-{}", &random_id()?[..5]);
    let pod_name = if state.renames_pods { format!("{name}-pod") } else { name.clone() };
    let pod = json!({"metadata": {"name": pod_name}, "spec": {"containers": [{"name": "runtime", "image": "shell"}]}});
    add(state, "pods", "v1", "Pod", pod);
    let owner = json!([{"apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxClaim", "name": claim, "controller": true}]);
    let mut sandbox =
        json!({"metadata": {"name": name, "ownerReferences": owner}, "spec": {"operatingMode": "Running"}});
    if state.renames_pods {
        sandbox["metadata"]["annotations"] = json!({POD_NAME: pod_name});
    }
    add(state, "sandboxes", "agents.x-k8s.io/v1beta1", "Sandbox", sandbox);
    boot(state, &pod_name)
}

/// The sandbox of a claim.
fn sandbox_of<'s>(state: &'s State, claim: &Value) -> Option<&'s Value> {
    let name = claim["metadata"]["name"].as_str()?;
    let mut sandboxes = state.objects.iter().filter(|((plural, _), _)| plural == "sandboxes");
    Some(sandboxes.find(|(_, sandbox)| sandbox["metadata"]["ownerReferences"][0]["name"] == name)?.1)
}

/// The name of a sandbox's pod.
fn pod_name(sandbox: &Value) -> String {
    let metadata = &sandbox["metadata"];
    metadata["annotations"][POD_NAME].as_str().or(metadata["name"].as_str()).unwrap_or_default().to_owned()
}

/// The pod of a claim.
pub(super) fn pod_of(state: &State, claim: &Value) -> Option<String> {
    sandbox_of(state, claim).map(pod_name)
}

/// Brings every status up to date, and ends what is over.
pub(super) fn reconcile(state: &mut State) {
    let expired = state.objects.iter().filter(|((plural, _), object)| {
        plural == "sandboxclaims" && is_over(&object["spec"]["lifecycle"]["shutdownTime"])
    });
    let expired: Vec<String> = expired.map(|((_, name), _)| name.clone()).collect();
    for name in expired {
        remove(state, "sandboxclaims", &name);
    }
    let up = state.objects.get(&(SETTINGS.to_owned(), String::new())).and_then(Value::as_u64).unwrap_or(UP_AFTER);
    let keys: Vec<_> = state.objects.keys().filter(|(plural, _)| plural != SETTINGS).cloned().collect();
    for key in keys {
        let Some(object) = state.objects.get(&key) else { continue };
        if object["status"]["pinned"] == true {
            continue;
        }
        let is_up = age(object) >= i64::try_from(up).unwrap_or(i64::MAX);
        let status = match key.0.as_str() {
            "pods" => pod_status(is_up),
            "sandboxes" => {
                let lives = state.machines.contains_key(&pod_name(object));
                json!({"conditions": [ready(is_up && lives, "SandboxNotReady")], "podIPs": ["127.0.0.1"]})
            }
            "sandboxclaims" => claim_status(state, object, is_up),
            _ => continue,
        };
        if object["status"] != status {
            state.version += 1;
            let version = state.version.to_string();
            if let Some(object) = state.objects.get_mut(&key) {
                object["status"] = status;
                object["metadata"]["resourceVersion"] = version.into();
            }
        }
    }
}

fn pod_status(is_up: bool) -> Value {
    let phase = if is_up { "Running" } else { "Pending" };
    json!({"phase": phase, "podIP": "127.0.0.1", "conditions": [ready(is_up, "ContainersNotReady")]})
}

fn claim_status(state: &State, claim: &Value, is_up: bool) -> Value {
    if claim["spec"]["warmPoolRef"]["name"] != POOL {
        return json!({"conditions": [ready(false, "WarmPoolNotFound")]});
    }
    let Some(sandbox) = sandbox_of(state, claim) else {
        return json!({"conditions": [ready(false, "SandboxMissing")]});
    };
    let lives = state.machines.contains_key(&pod_name(sandbox));
    json!({
        "conditions": [ready(is_up && lives, "SandboxNotReady")],
        "sandbox": {"name": sandbox["metadata"]["name"], "podIPs": ["127.0.0.1"]},
    })
}

fn ready(is_ready: bool, reason: &str) -> Value {
    let (status, reason) = if is_ready { ("True", "DependenciesReady") } else { ("False", reason) };
    json!({"type": "Ready", "status": status, "reason": reason, "message": format!("it is said: {reason}")})
}

pub(super) fn linger(state: &mut State, plural: &str, name: &str) {
    if let Some(object) = state.objects.get_mut(&(plural.to_owned(), name.to_owned())) {
        object["metadata"]["deletionTimestamp"] = now().into();
    }
}

pub(super) fn unready(state: &mut State, plural: &str, name: &str, reason: &str) {
    state.version += 1;
    let version = state.version.to_string();
    if let Some(object) = state.objects.get_mut(&(plural.to_owned(), name.to_owned())) {
        object["status"]["conditions"] = json!([ready(false, reason)]);
        object["status"]["pinned"] = true.into();
        object["metadata"]["resourceVersion"] = version.into();
    }
}

/// Deletes a thing and what belongs to it; whether there was one.
pub(super) fn remove(state: &mut State, plural: &str, name: &str) -> bool {
    if plural == "pods" {
        return remove_pod(state, name);
    }
    let Some(object) = state.objects.get(&(plural.to_owned(), name.to_owned())).cloned() else { return false };
    if plural == "sandboxclaims"
        && let Some(sandbox) = sandbox_of(state, &object).and_then(|sandbox| sandbox["metadata"]["name"].as_str())
    {
        let sandbox = sandbox.to_owned();
        remove(state, "sandboxes", &sandbox);
    }
    if plural == "sandboxes" {
        remove_pod(state, &pod_name(&object));
    }
    state.version += 1;
    state.objects.remove(&(plural.to_owned(), name.to_owned())).is_some()
}

pub(super) fn remove_pod(state: &mut State, name: &str) -> bool {
    if let Some(machine) = state.machines.remove(name) {
        machine.end();
    }
    state.version += 1;
    state.objects.remove(&("pods".to_owned(), name.to_owned())).is_some()
}

pub(super) fn replace(state: &mut State, name: &str) -> io::Result<()> {
    let key = ("pods".to_owned(), name.to_owned());
    let object = state.objects.get(&key).cloned().ok_or(io::ErrorKind::NotFound)?;
    remove_pod(state, name);
    add(state, "pods", "v1", "Pod", object);
    boot(state, name)
}
