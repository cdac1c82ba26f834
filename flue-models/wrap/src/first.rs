//! A stream whose first event decides.

use flue_core::Result;
use flue_core::model::{Model, ModelRequest, ModelStream};
use futures_util::{StreamExt, stream};

/// Asks `model`, and waits for the first event. Until then a request can be made again, or made of another model; an error
/// that comes first is given as if the request had failed.
pub(crate) async fn ask(model: &dyn Model, request: ModelRequest) -> Result<ModelStream> {
    let mut events = model.stream(request).await?;
    match events.next().await {
        Some(Err(error)) => Err(error),
        Some(Ok(event)) => Ok(Box::pin(stream::iter([Ok(event)]).chain(events))),
        None => Ok(events),
    }
}
