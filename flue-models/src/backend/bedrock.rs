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
    vec![Provider { url_variable: Some(URL_VARIABLE), ..with_keys() }]
}

#[cfg(feature = "bedrock-sigv4")]
fn with_keys() -> Provider {
    use flue_models_bedrock::{ACCESS_KEY_VARIABLE, PROFILE_VARIABLE};
    let provider = Provider::new(PROVIDER, vec![KEY_VARIABLE, ACCESS_KEY_VARIABLE]).or_file(&[PROFILE_VARIABLE]);
    // Without any variable the default profile may have keys.
    let key_set = provider.key_set.or_else(|| Bedrock::from_env().is_ok().then_some("default profile"));
    Provider { key_set, ..provider }
}

#[cfg(not(feature = "bedrock-sigv4"))]
fn with_keys() -> Provider {
    Provider::new(PROVIDER, vec![KEY_VARIABLE])
}

pub(super) fn known(provider: &str) -> KnownModels {
    KnownModels::of(&CATALOG, provider)
}
