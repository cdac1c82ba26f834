//! Feature `openai`.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_openai::{CATALOG, OpenAi, PRESETS, Preset};

use super::Request;
use crate::{KnownModels, Provider};

pub(super) fn open(request: Request<'_>) -> Result<Arc<dyn Model>> {
    let Request { models, provider, model, options } = request;
    let preset = Preset::named(provider).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "open model", "a server that is listed is not known").with("provider", provider)
    })?;
    let server = OpenAi::with_env(preset, &|name| options.variable(name, preset.key_variable))?;
    let server = server.http(models.http.clone());
    match &options.base_url {
        Some(url) => server.base_url(url).model(model),
        None => server.model(model),
    }
}

pub(super) fn list() -> Vec<Provider> {
    let provider = |preset: &Preset| Provider {
        key_required: preset.key_required,
        url_variable: Some(preset.base_url_variable),
        ..Provider::new(preset.name, vec![preset.key_variable])
    };
    PRESETS.iter().map(provider).collect()
}

pub(super) fn known(provider: &str) -> KnownModels {
    // The same models over the older protocol.
    KnownModels::of(&CATALOG, if provider == "openai-chat" { "openai" } else { provider })
}
