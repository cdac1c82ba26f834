//! Planted credentials: a server that gives them back does not make them show.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use flue_core::model::Model;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::double::{KEY, ask, chunk, endpoint, head, last_chunk, model, reply, serve};

const HEADER: &str = "planted-header-456";
const PASSWORD: &str = "planted-password-789";

/// Everything that is traced, as text.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<String>>);

impl Visit for Trace {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Trace {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        self.0.lock().unwrap().push_str(span.metadata().name());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn no_error_debug_output_or_trace_has_a_credential() {
    let leak = format!(r#"{{"error":{{"message":"bad {KEY} and {HEADER}","code":"{KEY}"}},"request_id":"{KEY}"}}"#);
    let trace = Trace::default();
    let _traced = tracing::subscriber::set_default(trace.clone());
    let stream = vec![head("text/event-stream"), chunk(&format!("data: {leak}\n\n")), last_chunk()];
    for (acts, expected) in [
        (reply("401 Unauthorized", "", &leak), "bad *** and ***"),
        (reply("500 Oops", "", &format!("echo {KEY}")), "echo ***"),
        (stream, "bad *** and ***"),
    ] {
        let server = serve(acts).await;
        let base = server.url.replace("http://", &format!("http://user:{PASSWORD}@"));
        let model = model(endpoint(&base).header("x-extra", HEADER).unwrap());
        let (events, error) = ask(&model).await;
        let error = error.unwrap();
        assert_eq!(error.message(), expected);
        let shown = format!("{model:?} {:?} {events:?} {error:?} {error:#} {error}", model.info());
        assert!(shown.contains("x-extra") && shown.contains("127.0.0.1"), "{shown}");
        assert!(!shown.contains("planted"), "{shown}");
    }
    let (_, error) = ask(&model(endpoint(&format!("http://user:{PASSWORD}@127.0.0.1:1/")))).await;
    let shown = format!("{:?}", error.unwrap());
    assert!(!shown.contains("planted"), "{shown}");
    let traced = trace.0.lock().unwrap().clone();
    assert!(traced.contains("model=words/one") && traced.contains("status=401"), "{traced}");
    assert!(!traced.contains("planted"), "{traced}");
}
