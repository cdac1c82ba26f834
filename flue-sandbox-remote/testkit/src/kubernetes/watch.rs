//! Watching: what is there, then what changes, a line of JSON each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Shared, api, control};
use crate::http::{Body, Part, Request, Response};

/// How often the server looks for changes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The longest that a watch lasts when it does not say, in seconds.
const LIMIT: u64 = 300;
/// Events that wait for a slow client.
const QUEUE: usize = 16;

pub(super) fn answer(shared: &Arc<Shared>, plural: &str, request: &Request) -> Response {
    let (events, stream) = mpsc::channel(QUEUE);
    let seconds = request.param("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(LIMIT);
    let select = Request {
        method: String::new(),
        path: String::new(),
        query: request.query.clone(),
        headers: Vec::new(),
        body: Vec::new(),
        die_after: None,
    };
    let limit = Duration::from_secs(seconds);
    tokio::spawn(follow(shared.clone(), plural.to_owned(), select, limit, events));
    Response::new(200, "application/json", Body::Stream(stream))
}

async fn follow(shared: Arc<Shared>, plural: String, select: Request, limit: Duration, events: mpsc::Sender<Part>) {
    let started = Instant::now();
    let mut seen = BTreeMap::<String, Value>::new();
    while started.elapsed() < limit {
        let found: Vec<Value> = {
            let mut state = shared.state();
            control::reconcile(&mut state);
            api::selected(&state, &plural, &select)
        };
        let mut news = Vec::new();
        let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let gone: Vec<String> =
            seen.keys().filter(|id| found.iter().all(|object| uid(object) != **id)).cloned().collect();
        news.extend(gone.into_iter().filter_map(|id| Some(("DELETED", seen.remove(&id)?))));
        for object in found {
            match seen.insert(uid(&object), object.clone()) {
                None => news.push(("ADDED", object)),
                Some(before) if before != object => news.push(("MODIFIED", object)),
                Some(_) => {}
            }
        }
        for (kind, object) in news {
            let line = format!("{}\n", json!({"type": kind, "object": object}));
            if events.send(Part::Bytes(line.into_bytes())).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let _ = events.send(Part::End).await;
}
