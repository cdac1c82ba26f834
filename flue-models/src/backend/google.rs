//! Features `google` and `vertex`.

use std::sync::Arc;

use flue_core::Result;
use flue_core::model::Model;
use flue_models_google::{CATALOG, Google, KEY_VARIABLE, OTHER_KEY_VARIABLE, PROVIDER, URL_VARIABLE};

use super::Request;
use crate::{KnownModels, Provider};

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    let Request { models, model, options, .. } = request;
    let google = Google::with_env(&|name| options.variable(name, KEY_VARIABLE))?.http(models.http.clone());
    match &options.base_url {
        Some(url) => google.base_url(url).model(model),
        None => google.model(model),
    }
}

pub(super) fn list() -> Vec<Provider> {
    let provider = Provider::new(PROVIDER, vec![KEY_VARIABLE, OTHER_KEY_VARIABLE]);
    vec![Provider { url_variable: Some(URL_VARIABLE), ..provider }]
}

pub(in crate::backend) fn known(provider: &str) -> KnownModels {
    KnownModels::of(&CATALOG, provider)
}

#[cfg(feature = "vertex")]
pub(super) mod vertex {
    use flue_models_google::{
        CREDENTIALS_VARIABLE, PROJECT_VARIABLE, VERTEX_KEY_VARIABLE, VERTEX_PROVIDER, VERTEX_TOKEN_VARIABLE,
        VERTEX_URL_VARIABLE, Vertex,
    };

    pub(in crate::backend) use super::known;
    use super::{Arc, Model, Provider, Request, Result};

    pub(in crate::backend) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
        let Request { models, model, options, .. } = request;
        let vertex = Vertex::with_env(&|name| options.variable(name, VERTEX_KEY_VARIABLE))?.http(models.http.clone());
        match &options.base_url {
            Some(url) => vertex.base_url(url).model(model),
            None => vertex.model(model),
        }
    }

    pub(in crate::backend) fn list() -> Vec<Provider> {
        let provider = Provider::new(VERTEX_PROVIDER, vec![VERTEX_KEY_VARIABLE, VERTEX_TOKEN_VARIABLE])
            .or_file(&[CREDENTIALS_VARIABLE]);
        vec![Provider { url_variable: Some(VERTEX_URL_VARIABLE), ..provider }.needs(&[PROJECT_VARIABLE])]
    }
}
