//! Models around models.

mod cassettes;
mod chains;
mod limits;

use std::sync::Arc;

use flue_core::model::{Message, Model, ModelRequest, Turn, collect};
use flue_core::{Error, ErrorKind, Result, Retry};

/// Asks for one turn.
async fn ask(model: &dyn Model) -> Result<Turn> {
    ask_for(model, "Say something.").await
}

async fn ask_for(model: &dyn Model, text: &str) -> Result<Turn> {
    collect(model.stream(ModelRequest::new(vec![Message::user(text)])).await?, |_| {}).await
}

fn text(turn: Turn) -> String {
    turn.into_assistant(flue_core::model::Origin { provider: "p".into(), api: "a".into(), model: "m".into() }).text()
}

fn failure(kind: ErrorKind, retry: Retry) -> Error {
    Error::new(kind, "ask the model", "no").with_retry(retry)
}

fn shared(model: impl Model) -> Arc<dyn Model> {
    Arc::new(model)
}
