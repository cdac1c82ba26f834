//! Scripts played, and the reviewer at work.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod reviewer;
mod scripts;

use flue_core::model::{Model, ModelEvent, ModelRequest, Turn, collect};
use flue_core::{Error, Result};

async fn ask(model: &dyn Model, request: ModelRequest) -> Result<Turn> {
    collect(model.stream(request).await?, |_| {}).await
}

/// The events before an error, and the error.
async fn fail(model: &dyn Model, request: ModelRequest) -> (Vec<ModelEvent>, Error) {
    let mut events = Vec::new();
    match model.stream(request).await {
        Ok(stream) => {
            let error = collect(stream, |event| events.push(event.clone())).await.unwrap_err();
            (events, error)
        }
        Err(error) => (events, error),
    }
}
