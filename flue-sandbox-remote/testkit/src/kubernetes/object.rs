//! Things, as the API server keeps them, and its refusals.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::http::Response;

/// A `metav1.Status` that says why not.
pub(super) fn refusal(code: u16, reason: &str, message: &str) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    Response::json(code, &status)
}

pub(super) fn missing(plural: &str, name: &str) -> Response {
    refusal(404, "NotFound", &format!("{plural} \"{name}\" not found"))
}

pub(super) fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Whether a point in time is over.
pub(super) fn is_over(time: &Value) -> bool {
    let at = time.as_str().and_then(|time| DateTime::parse_from_rfc3339(time).ok());
    at.is_some_and(|at| at <= DateTime::<Utc>::from(SystemTime::now()))
}

/// Milliseconds since a thing was made.
pub(super) fn age(object: &Value) -> i64 {
    let made = object["metadata"]["creationTimestamp"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    made.map_or(0, |at| (DateTime::<Utc>::from(SystemTime::now()) - at.to_utc()).num_milliseconds())
}

/// RFC 7386.
pub(super) fn merge(into: &mut Value, change: &Value) {
    let Value::Object(change) = change else {
        *into = change.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in change {
        if value.is_null() {
            into.as_object_mut().and_then(|fields| fields.remove(name));
        } else {
            merge(&mut into[name.as_str()], value);
        }
    }
}

/// Whether a thing's labels fit `a=b,c,d!=e`, and its fields `metadata.name=x`.
pub(super) fn is_selected(object: &Value, labels: &str, fields: &str) -> bool {
    let has = |term: &str| {
        let (name, wanted) = term.split_once("!=").map_or((term, None), |(name, value)| (name, Some((value, false))));
        let (name, wanted) = match (wanted, name.split_once('=')) {
            (None, Some((name, value))) => (name, Some((value.trim_start_matches('='), true))),
            (wanted, _) => (name, wanted),
        };
        let found = object["metadata"]["labels"][name].as_str();
        wanted.map_or(found.is_some(), |(value, same)| (found == Some(value)) == same)
    };
    let terms = |text: &'_ str| text.split(',').map(str::to_owned).filter(|term| !term.is_empty()).collect::<Vec<_>>();
    terms(labels).iter().all(|term| has(term))
        && terms(fields).iter().all(|term| match term.strip_prefix("metadata.name=") {
            Some(name) => object["metadata"]["name"] == name,
            None => false,
        })
}

/// The first value of a label that the API server refuses.
pub(super) fn bad_label(object: &Value) -> Option<String> {
    let labels = object["metadata"]["labels"].as_object()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = |value: &str| {
        let (first, last) = (value.bytes().next(), value.bytes().last());
        let ends = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
        value.len() <= 63 && value.bytes().all(plain) && ends(first) && ends(last)
    };
    labels.values().map(|value| value.as_str().unwrap_or("?!")).find(|value| !fits(value)).map(str::to_owned)
}
