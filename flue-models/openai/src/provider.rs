//! Models of one server, opened by name.

use std::sync::Arc;

use flue_core::model::{Model, ModelInfo};
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret};

use crate::catalog;
use crate::chat::ChatCodec;
use crate::compat::Compat;
use crate::preset::{PRESETS, Preset, Wire};
use crate::responses::ResponsesCodec;

const OPERATION: &str = "open model";

/// A server that speaks Responses or Chat Completions: OpenAI's own, one of [`PRESETS`], or any other.
///
/// ```
/// # fn main() -> flue_core::Result<()> {
/// use flue_models_openai::OpenAi;
///
/// let model = OpenAi::new("sk-…").responses("gpt-5.5")?;
/// assert_eq!(model.info().spec(), "openai/gpt-5.5");
///
/// let local = OpenAi::keyless().base_url("http://127.0.0.1:8080/v1").chat("qwen3")?;
/// assert_eq!(local.info().spec(), "openai-chat/qwen3");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct OpenAi {
    preset: &'static Preset,
    access: Access,
    compat: Option<Compat>,
}

impl OpenAi {
    /// OpenAI, with this key.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self::of(openai(), Auth::Bearer(key.into()))
    }

    /// Without a key, for a server of one's own.
    pub fn keyless() -> Self {
        Self::of(openai(), Auth::None)
    }

    /// OpenAI, as the environment says: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a key.
    pub fn from_env() -> Result<Self> {
        Self::with_env(openai(), &|name| std::env::var(name).ok())
    }

    /// The server of that name in [`PRESETS`], with its key and base URL from the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an unknown name, and without a key that the server needs.
    pub fn preset(name: &str) -> Result<Self> {
        let preset = Preset::named(name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            let message = format!("no server is known by that name; known are {}", names.join(", "));
            Error::new(ErrorKind::Config, OPERATION, message).with("provider", name)
        })?;
        Self::with_env(preset, &|name| std::env::var(name).ok())
    }

    fn of(preset: &'static Preset, auth: Auth) -> Self {
        let access = Access::new(preset.name, preset.key_variable, preset.base_url, auth);
        Self { preset, access, compat: None }
    }

    /// The server of `preset`, with its key and base URL from variables that `env` looks up.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without a key that the server needs.
    pub fn with_env(preset: &'static Preset, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let key = env(preset.key_variable).map(Secret::new);
        let auth = match &key {
            Some(key) if !key.is_empty() => Auth::Bearer(key.clone()),
            _ if !preset.key_required => Auth::None,
            found => {
                let state = if found.is_some() { "empty" } else { "not set" };
                let message = format!("{} is {state}: set it to your key for {}", preset.key_variable, preset.name);
                return Err(Error::new(ErrorKind::Config, OPERATION, message).with("provider", preset.name));
            }
        };
        let mut provider = Self::of(preset, auth);
        provider.access = provider.access.key_from(preset.key_variable);
        let given = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        if let Some(url) = given(preset.base_url_variable) {
            provider =
                provider.base_url(if preset.base_url_variable == "OLLAMA_HOST" { ollama_url(&url) } else { url });
        }
        if preset.is_openai() {
            for (variable, header) in
                [("OPENAI_ORG_ID", "openai-organization"), ("OPENAI_PROJECT_ID", "openai-project")]
            {
                if let Some(value) = given(variable) {
                    provider = provider.header(header, value);
                }
            }
        }
        Ok(provider)
    }

    /// Sets the address of the API, version included: `http://127.0.0.1:8080/v1`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.access = self.access.base_url(url);
        self
    }

    /// Adds a header to every request. One with credentials takes the place of the key.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.access = self.access.header(name, value);
        self
    }

    /// Sets the dialect of Chat Completions. Without it, the server's host tells.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = Some(compat);
        self
    }

    /// Uses this connection pool instead of one of its own.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.access = self.access.http(http);
        self
    }

    /// The model `id` over Responses.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty key or id, a base URL that is none, or a header that cannot be sent.
    pub fn responses(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.open(self.describe(id, Wire::Responses))
    }

    /// The model `id` over Chat Completions.
    ///
    /// # Errors
    /// As [`OpenAi::responses`].
    pub fn chat(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.open(self.describe(id, Wire::Chat))
    }

    /// The model `id` over the protocol that the server is best spoken to in.
    ///
    /// # Errors
    /// As [`OpenAi::responses`].
    pub fn model(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.open(self.describe(id, self.preset.wire))
    }

    /// What is known of the model `id`, to be completed and given to [`OpenAi::open`].
    pub fn describe(&self, id: &str, wire: Wire) -> ModelInfo {
        let preset = match (self.preset.name, wire) {
            ("openai", Wire::Chat) => Preset::named("openai-chat"),
            ("openai-chat", Wire::Responses) => Preset::named("openai"),
            _ => None,
        };
        preset.unwrap_or(self.preset).info(id, wire)
    }

    /// The model of `info`, over the protocol that its origin names.
    ///
    /// # Errors
    /// As [`OpenAi::responses`].
    pub fn open(&self, info: ModelInfo) -> Result<Arc<dyn Model>> {
        if *info.origin.api == *crate::RESPONSES_API {
            self.access.open(ResponsesCodec::new(info))
        } else {
            let compat = self.dialect_for(&info);
            self.access.open(ChatCodec::new(info, compat))
        }
    }

    /// The dialect in which `info` is spoken to: the one that was set, else the server's, as the model wants it.
    fn dialect_for(&self, info: &ModelInfo) -> Compat {
        self.compat.unwrap_or_else(|| catalog::refine(self.dialect(), self.preset.name, &info.origin.model))
    }

    /// The dialect that was set, else that of the server's host, else that of the preset. Behind OpenAI's name and
    /// another's address stands a server of which nothing is known.
    fn dialect(&self) -> Compat {
        let at_host = || Preset::at(self.access.address()).map(|preset| preset.compat);
        self.compat.or_else(at_host).unwrap_or(if self.preset.is_openai() {
            Compat::GENERIC
        } else {
            self.preset.compat
        })
    }
}

fn openai() -> &'static Preset {
    &PRESETS[0]
}

/// The base URL that `OLLAMA_HOST` means. It is written for the server, so scheme and port may be missing, and the
/// address may be the one that means all of the host's.
fn ollama_url(host: &str) -> String {
    const PORT: &str = "11434";
    let host = host.trim().trim_end_matches('/');
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (authority, None),
    };
    let name = if matches!(name, "" | "0.0.0.0") { "127.0.0.1" } else { name };
    let port = match port {
        Some(port) => format!(":{port}"),
        None if host.contains("://") => String::new(),
        None => format!(":{PORT}"),
    };
    let path = if path.ends_with("/v1") { path.to_owned() } else { format!("{path}/v1") };
    format!("{scheme}://{name}{port}{path}")
}

#[cfg(test)]
mod tests;
