//! `flue models`: the providers of this build, and what is known of their models.

mod known;

use flue_core::{Error, ErrorKind};
use flue_models::Provider;
use serde::Serialize;

use crate::args::ModelsArgs;
use crate::exit::{self, Failure};
use crate::{output, suggest, wiring};

/// The widest that a column is made. A longer name moves the rest of its own line, and not of all.
const WIDEST: usize = 28;

/// A provider as `--json` shows it. Of keys it tells the variable, never the value.
#[derive(Serialize)]
struct Listed<'a> {
    provider: &'a str,
    /// Whether its models open as things are.
    ready: bool,
    key_required: bool,
    /// Where the key may come from.
    key_variables: &'a [&'static str],
    /// What names where else credentials are: a file, a profile.
    file_variables: &'a [&'static str],
    /// The one of them all that is set.
    key_set: Option<&'static str>,
    /// The variable that overrides its address.
    url_variable: Option<&'static str>,
    /// Other variables that have to be set.
    other_variables: &'a [&'static str],
    /// The names of its models, where they are few and fixed.
    models: &'a [&'static str],
}

impl<'a> From<&'a Provider> for Listed<'a> {
    fn from(provider: &'a Provider) -> Self {
        Self {
            provider: provider.name,
            ready: provider.is_ready(),
            key_required: provider.key_required,
            key_variables: &provider.key_variables,
            file_variables: &provider.file_variables,
            key_set: provider.key_set,
            url_variable: provider.url_variable,
            other_variables: &provider.other_variables,
            models: &provider.models,
        }
    }
}

/// Lists the providers, or the models of one.
///
/// # Errors
/// A provider that is not built in, and those of writing to standard output.
pub(crate) fn run(args: &ModelsArgs) -> Result<u8, Failure> {
    if let Some(provider) = &args.provider {
        return models_of(provider, args.json);
    }
    let providers = wiring::providers();
    if args.json {
        output::print_json(&providers.iter().map(Listed::from).collect::<Vec<_>>())?;
    } else {
        output::print_text(&table(&providers))?;
    }
    Ok(exit::DONE)
}

fn models_of(provider: &str, json: bool) -> Result<u8, Failure> {
    let Some(models) = flue_models::known_models(provider) else {
        let providers = wiring::providers();
        let names: Vec<&str> = providers.iter().map(|provider| provider.name).collect();
        let hint = suggest::hint(provider, names.iter().copied());
        let why = format!("there is no provider `{provider}` in this build{hint}; built in are: {}", names.join(", "));
        return Err(Failure::usage(Error::new(ErrorKind::Config, "list models", why)));
    };
    if json {
        output::print_json(&known::shown(provider, &models))?;
    } else {
        let fixed = wiring::providers().iter().any(|known| known.name == provider && !known.models.is_empty());
        output::print_text(&known::table(provider, &models, fixed))?;
    }
    Ok(exit::DONE)
}

fn table(providers: &[Provider]) -> String {
    let mut rows = vec![["PROVIDER", "KEY", "", "ADDRESS"].map(str::to_owned)];
    for provider in providers {
        let key = provider.key_set.or(provider.key_variables.first().copied()).unwrap_or("-");
        let state = match (provider.key_set, provider.key_required) {
            (Some(_), _) => "set",
            (None, true) => "unset",
            (None, false) => "-",
        };
        let url = provider.url_variable.unwrap_or("-");
        rows.push([provider.name, key, state, url].map(str::to_owned));
    }
    let mut text: String = rows.iter().map(|row| line(row, &rows)).collect();
    let fixed =
        providers.iter().flat_map(|provider| provider.models.iter().map(|model| format!("{}/{model}", provider.name)));
    let fixed: Vec<String> = fixed.collect();
    text.push_str("\nA model is named provider/model. KEY is the variable that holds the key,\n");
    text.push_str("ADDRESS the one that replaces the provider's address.\n");
    for provider in providers.iter().filter(|provider| !provider.other_variables.is_empty()) {
        text.push_str(&format!("{} also needs {}.\n", provider.name, provider.other_variables.join(", ")));
    }
    text.push_str("What is known of a provider's models: flue models --provider NAME\n");
    if !fixed.is_empty() {
        text.push_str(&format!("Without key or network: {}\n", fixed.join(", ")));
    }
    text
}

fn line(row: &[String; 4], rows: &[[String; 4]]) -> String {
    let mut line = String::new();
    for (column, cell) in row.iter().enumerate() {
        let width = rows.iter().map(|row| row[column].len()).filter(|len| *len <= WIDEST).max().unwrap_or_default();
        line.push_str(&format!("{cell:width$}  "));
    }
    format!("{}\n", line.trim_end())
}
