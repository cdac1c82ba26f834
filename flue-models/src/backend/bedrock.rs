//! Feature `bedrock`.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::Model;
use flue_models_bedrock::{Bedrock, CATALOG, KEY_VARIABLE, PROVIDER, URL_VARIABLE};

use super::Request;
use crate::{KnownModels, Provider};

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    let Request { models, model, options, .. } = request;
    let bedrock = Bedrock::with_env(&|name| options.variable(name, KEY_VARIABLE))?.http(models.http.clone());
    match &options.base_url {
        Some(url) => bedrock.base_url(url).model(model),
        None => bedrock.model(model),
    }
}

pub(super) fn list() -> Vec<Provider> {
    #[cfg(feature = "bedrock-sigv4")]
    let keys = vec![KEY_VARIABLE, flue_models_bedrock::ACCESS_KEY_VARIABLE];
    #[cfg(not(feature = "bedrock-sigv4"))]
    let keys = vec![KEY_VARIABLE];
    vec![Provider { url_variable: Some(URL_VARIABLE), ..Provider::new(PROVIDER, keys) }]
}

pub(super) fn known(provider: &str) -> KnownModels {
    KnownModels::of(&CATALOG, provider)
}
