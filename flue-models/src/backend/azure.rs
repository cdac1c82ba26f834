//! Feature `azure`.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::Model;
use flue_models_openai::{
    AZURE_KEY_VARIABLE, AZURE_PROVIDER, AZURE_TOKEN_VARIABLE, AZURE_URL_VARIABLES, Azure, CATALOG,
};

use super::Request;
use crate::{KnownModels, Provider};

const URL_VARIABLE: &str = AZURE_URL_VARIABLES[0];

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    let Request { models, model, options, .. } = request;
    let variable = |name: &str| match &options.base_url {
        Some(url) if name == URL_VARIABLE => Some(url.clone()),
        _ => options.variable(name, AZURE_KEY_VARIABLE),
    };
    Azure::with_env(&variable)?.http(models.http.clone()).model(model)
}

pub(super) fn list() -> Vec<Provider> {
    let provider = Provider::new(AZURE_PROVIDER, vec![AZURE_KEY_VARIABLE, AZURE_TOKEN_VARIABLE]);
    vec![Provider { url_variable: Some(URL_VARIABLE), ..provider }]
}

pub(super) fn known(provider: &str) -> KnownModels {
    KnownModels::of(&CATALOG, provider)
}
