//! Models, by name.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models::Provider;

use crate::suggest;

/// Names the model when neither the command line nor an agent file does.
const MODEL_VARIABLE: &str = "FLUE_MODEL";
/// The server that is named to those who have no key.
const LOCAL_SERVER: &str = "ollama";

/// The model called `name`, or else the one that [`MODEL_VARIABLE`] names.
///
/// # Errors
/// [`ErrorKind::Config`] when there is no name, and for whatever keeps the model from being opened.
pub(crate) fn model(name: Option<String>) -> Result<Arc<dyn Model>> {
    let from_environment = || std::env::var(MODEL_VARIABLE).ok().filter(|name| !name.trim().is_empty());
    let Some(name) = name.or_else(from_environment) else { return Err(no_model(&providers())) };
    flue_models::open(&name).map_err(|error| {
        let given = name.split('/').next().unwrap_or_default();
        let built_in = providers();
        let names: Vec<&str> = built_in.iter().map(|provider| provider.name).collect();
        match suggest::nearest(given, names.iter().copied()) {
            Some(meant) if !names.contains(&given) => error.with("did_you_mean", meant),
            _ => error,
        }
    })
}

/// The providers that are built in.
pub(crate) fn providers() -> Vec<Provider> {
    flue_models::providers()
}

/// The error for a run without a model. None is picked for the user: which one is a matter of money and of trust.
fn no_model(providers: &[Provider]) -> Error {
    let mut ways = Vec::new();
    let keyed: Vec<&Provider> = providers.iter().filter(|provider| provider.key_required).collect();
    // Of those with a key, or else the first.
    let set: Vec<&Provider> = keyed.iter().copied().filter(|provider| provider.is_ready()).collect();
    if let Some(provider) = set.first().or(keyed.first()) {
        let key = provider.key_set.or(provider.key_variables.first().copied()).unwrap_or_default();
        let state = if set.is_empty() { "with your key in" } else { "the key is set in" };
        ways.push(format!("a provider's model: --model {}/MODEL, {state} {key}", provider.name));
    }
    if let Some(local) = providers.iter().find(|provider| provider.name == LOCAL_SERVER) {
        ways.push(format!("a model on this machine: --model {}/MODEL, with that server running", local.name));
    }
    if let Some(scripted) = providers.iter().find(|provider| !provider.models.is_empty()) {
        let model = scripted.models.first().copied().unwrap_or_default();
        ways.push(format!("no model, to look around: --model {}/{model}, a script that uses the tools", scripted.name));
    }
    let mut why = "no model was named".to_owned();
    for (index, way) in ways.iter().enumerate() {
        why.push_str(&format!("\n  {}. {way}", index + 1));
    }
    why.push_str(&format!(
        "\n`flue models` lists what there is; an agent file or {MODEL_VARIABLE} can name one for good"
    ));
    Error::new(ErrorKind::Config, "open model", why)
}
