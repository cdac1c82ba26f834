//! Feature `scripted`.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_scripted::{MODELS, PROVIDER};

use super::Request;
use crate::{KnownModel, KnownModels, OpenOptions, Provider};

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    if *request.options != OpenOptions::default() {
        let why = "a scripted model has neither address nor key";
        return Err(Error::new(ErrorKind::InvalidInput, "open model", why).with("model", request.model));
    }
    flue_models_scripted::open(request.model)
}

pub(super) fn list() -> Vec<Provider> {
    let models = MODELS.iter().map(|(name, _)| *name).collect();
    vec![Provider { models, ..Provider::new(PROVIDER, Vec::new()) }]
}

pub(super) fn known(_: &str) -> KnownModels {
    KnownModels { models: MODELS.iter().map(|(name, what)| KnownModel::script(name, what)).collect(), as_of: None }
}
