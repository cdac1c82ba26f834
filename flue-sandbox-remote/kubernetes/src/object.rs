//! Claims and pods as the cluster has them: names, labels, manifests, and whether they live.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use flue_sandbox_remote_kit::{Death, EXPIRY_LABEL, Labels, OWNER_LABEL, Spec, WORKSPACE_LABEL, expiry};
use kube::api::DynamicObject;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The annotation with the labels as they were given: values of a cluster's own labels are short and plain.
const LABELS: &str = "flue-labels";
/// The annotation with how long a machine lives unused, in seconds.
const LIFE: &str = "flue-life";
/// The longest value of a label, and the longest name that every part of a cluster takes, in bytes.
const LABEL_BYTES: usize = 63;
/// How much of a key is shown in a name, in bytes.
const KEY_BYTES: usize = 36;
/// The container of pods that this library makes.
pub(crate) const CONTAINER: &str = "sandbox";
/// What keeps it running.
const IDLE: [&str; 3] = ["/bin/sh", "-c", "exec tail -f /dev/null"];
/// The reasons of `Ready=False` that agent-sandbox's controller does not recover from; others pass.
const LOST: &[&str] = &[
    "InvalidMetadata",
    "EnvVarsInjectionRejected",
    "VolumeClaimTemplatesError",
    "InvalidConfiguration",
    "PodFailed",
    "PodSucceeded",
    "TemplateNotFound",
    "WarmPoolNotFound",
];
const EXPIRED: &[&str] = &["ClaimExpired", "SandboxExpired"];

/// The name of a workspace's machine: the same for the same owner and key, so that two cannot be made at once.
pub(crate) fn name(spec: &Spec) -> String {
    let owner = spec.labels.get(OWNER_LABEL).map(String::as_str).unwrap_or_default();
    let shown = &spec.key[..spec.key.floor_char_boundary(KEY_BYTES)];
    format!("flue-{shown}-{}", digest(&format!("{owner}\0{}", spec.key)))
}

/// A value that a label may have: the value itself, or its digest.
fn value(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let fits = bytes.len() <= LABEL_BYTES && bytes.iter().all(|&byte| plain(byte));
    if fits && ends(bytes.first()) && ends(bytes.last()) { text.to_owned() } else { format!("sha256-{}", digest(text)) }
}

/// Ten bytes of a digest, in hexadecimal.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// What selects the things that carry these labels. Only what this library made, whatever is asked.
pub(crate) fn selector(labels: &Labels) -> String {
    let pairs = labels.iter().filter(|(key, _)| is_selected(key));
    let pairs = pairs.map(|(key, text)| format!("{key}={}", value(text)));
    std::iter::once(OWNER_LABEL.to_owned()).chain(pairs).collect::<Vec<_>>().join(",")
}

fn is_selected(key: &str) -> bool {
    key == OWNER_LABEL || key == WORKSPACE_LABEL
}

fn metadata(spec: &Spec) -> Value {
    let labels = spec.labels.iter().filter(|(key, _)| is_selected(key));
    let labels: Labels = labels.map(|(key, text)| (key.clone(), value(text))).collect();
    let mut annotations = Labels::from([(LABELS.to_owned(), json!(spec.labels).to_string())]);
    if let Some(life) = spec.time_to_live {
        annotations.insert(LIFE.to_owned(), seconds(life).to_string());
    }
    json!({"name": name(spec), "labels": labels, "annotations": annotations})
}

pub(crate) fn claim(spec: &Spec, pool: &str) -> Value {
    let mut claim = json!({
        "apiVersion": "extensions.agents.x-k8s.io/v1beta1", "kind": "SandboxClaim",
        "metadata": metadata(spec), "spec": {"warmPoolRef": {"name": pool}},
    });
    if let Some(life) = spec.time_to_live {
        claim["spec"]["lifecycle"] = json!({"shutdownTime": shutdown(life), "shutdownPolicy": "Delete"});
    }
    claim
}

pub(crate) fn pod(spec: &Spec, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata(spec),
        "spec": {
            "restartPolicy": "Never",
            // Commands get no key to the cluster.
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            // What a command leaves behind is reaped by the pod's first process.
            "shareProcessNamespace": true,
            "terminationGracePeriodSeconds": 2,
            "containers": [{
                "name": CONTAINER, "image": image, "command": IDLE,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// The change that gives a claim or a pod this long from now.
pub(crate) fn prolonged(found: &DynamicObject, is_claim: bool, life: Duration) -> Value {
    let mut given = labels(found);
    given.insert(EXPIRY_LABEL.to_owned(), expiry(SystemTime::now(), life));
    let mut change = json!({"metadata": {"annotations": {LABELS: json!(given).to_string()}}});
    if is_claim {
        change["spec"] = json!({"lifecycle": {"shutdownTime": shutdown(life), "shutdownPolicy": "Delete"}});
    }
    change
}

/// The labels that a machine was given.
pub(crate) fn labels(found: &DynamicObject) -> Labels {
    annotation(found, LABELS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// How long a machine lives unused, if it has an end.
pub(crate) fn life(found: &DynamicObject) -> Option<Duration> {
    Some(Duration::from_secs(annotation(found, LIFE)?.parse().ok()?))
}

pub(crate) fn annotation<'o>(found: &'o DynamicObject, name: &str) -> Option<&'o str> {
    found.metadata.annotations.as_ref()?.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Whether a claim, a sandbox or a pod is over, as far as it says itself.
pub(crate) fn death(found: &DynamicObject) -> Option<Death> {
    if found.metadata.deletion_timestamp.is_some() {
        return Some(Death::Stopped);
    }
    let status = &found.data["status"];
    if matches!(status["phase"].as_str(), Some("Succeeded" | "Failed")) {
        return Some(Death::Stopped);
    }
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let told = |condition: &Value| {
        let reason = condition["reason"].as_str().unwrap_or_default();
        match (condition["type"].as_str()?, condition["status"].as_str()?) {
            ("Finished", "True") => Some(Death::Stopped),
            ("Ready", "False") if EXPIRED.contains(&reason) => Some(Death::Expired),
            ("Ready", "False") if LOST.contains(&reason) => Some(Death::Stopped),
            _ => None,
        }
    };
    conditions.filter_map(told).next()
}

/// Whether it takes scripts.
pub(crate) fn is_ready(found: &DynamicObject) -> bool {
    let conditions = found.data["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Why it is not ready, in the cluster's words.
pub(crate) fn said(found: &DynamicObject) -> String {
    let conditions = found.data["status"]["conditions"].as_array().into_iter().flatten();
    let unmet = conditions.filter(|condition| condition["status"] == "False");
    let text = |condition: &Value, key: &str| condition[key].as_str().unwrap_or_default().to_owned();
    let words = unmet.map(|condition| format!("{}: {}", text(condition, "reason"), text(condition, "message")));
    words.collect::<Vec<_>>().join("; ")
}

fn shutdown(life: Duration) -> String {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(life);
    let at =
        i64::try_from(seconds(at)).ok().and_then(|at| DateTime::from_timestamp(at, 0)).unwrap_or(DateTime::UNIX_EPOCH);
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whole seconds, never less.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_or_has_ended_is_dead_and_what_may_come_back_is_not() {
        let found = |metadata: Value, status: Value| -> DynamicObject {
            let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status});
            serde_json::from_value(object).unwrap()
        };
        let told = |kind: &str, status: &str, reason: &str| {
            let condition = json!({"type": kind, "status": status, "reason": reason});
            death(&found(json!({"name": "a"}), json!({"conditions": [condition]})))
        };
        let going = json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(death(&found(going, json!({"phase": "Running"}))), Some(Death::Stopped));
        for (phase, wanted) in [("Succeeded", true), ("Failed", true), ("Running", false), ("Unknown", false)] {
            let found = found(json!({"name": "a"}), json!({"phase": phase}));
            assert_eq!(death(&found), wanted.then_some(Death::Stopped), "{phase}");
        }
        assert_eq!(told("Finished", "True", "PodSucceeded"), Some(Death::Stopped));
        assert_eq!(told("Finished", "False", "PodSucceeded"), None);
        for reason in LOST {
            assert_eq!(told("Ready", "False", reason), Some(Death::Stopped), "{reason}");
        }
        for reason in EXPIRED {
            assert_eq!(told("Ready", "False", reason), Some(Death::Expired), "{reason}");
        }
        assert_eq!(told("Ready", "False", "SandboxNotReady"), None);
        assert_eq!(told("Ready", "Unknown", "PodFailed"), None);
    }

    #[test]
    fn labels_are_values_that_a_cluster_takes_and_names_are_short() {
        for text in ["a", "a.b_c-D", ""] {
            assert_eq!(value(text), text);
        }
        for text in ["some&body=else", "-a", "a-", "ä", &"x".repeat(64)] {
            assert!(value(text).starts_with("sha256-") && value(text).len() <= LABEL_BYTES, "{text}");
        }
        let mut spec = Spec::new("k".repeat(63));
        spec.labels.insert(OWNER_LABEL.to_owned(), "a b".to_owned());
        assert!(name(&spec).len() <= LABEL_BYTES && !name(&spec).ends_with('-'), "{}", name(&spec));
    }
}
