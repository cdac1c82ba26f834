//! Feature `anthropic`.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::Model;
use flue_models_anthropic::{Anthropic, CATALOG, KEY_VARIABLE, PROVIDER, TOKEN_VARIABLE, URL_VARIABLE};

use super::Request;
use crate::{KnownModels, Provider};

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    let Request { models, model, options, .. } = request;
    let anthropic = Anthropic::with_env(&|name| options.variable(name, KEY_VARIABLE))?.http(models.http.clone());
    match &options.base_url {
        Some(url) => anthropic.base_url(url).model(model),
        None => anthropic.model(model),
    }
}

pub(super) fn list() -> Vec<Provider> {
    let provider = Provider::new(PROVIDER, vec![KEY_VARIABLE, TOKEN_VARIABLE]);
    vec![Provider { url_variable: Some(URL_VARIABLE), ..provider }]
}

pub(super) fn known(provider: &str) -> KnownModels {
    KnownModels::of(&CATALOG, provider)
}
