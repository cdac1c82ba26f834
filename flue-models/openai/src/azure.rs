//! OpenAI's models as Azure serves them: other addresses and credentials, and models under the names of deployments.

use std::collections::BTreeMap;
use std::sync::Arc;

use flue_core::model::{Model, ModelInfo};
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret, Signer, path_segment};

use crate::{CHAT_API, ChatCodec, Compat, RESPONSES_API, ResponsesCodec, catalog};

/// The name of this provider: `azure/gpt-5.5`.
pub const AZURE_PROVIDER: &str = "azure";
/// The variable with the API key.
pub const AZURE_KEY_VARIABLE: &str = "AZURE_OPENAI_API_KEY";
/// The variable with a token of Entra ID, looked at when there is no key.
pub const AZURE_TOKEN_VARIABLE: &str = "AZURE_OPENAI_AD_TOKEN";
/// The variables with the address of the resource, in the order in which they are looked at.
pub const AZURE_URL_VARIABLES: [&str; 2] = ["AZURE_OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"];
/// The variable with the name of the resource, for an address of the usual form.
pub const AZURE_RESOURCE_VARIABLE: &str = "AZURE_OPENAI_RESOURCE_NAME";
/// The variables with the version of the API, in the order in which they are looked at.
pub const AZURE_VERSION_VARIABLES: [&str; 2] = ["AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION"];
/// The variable with the deployments of models: `gpt-5.5=prod,gpt-5-mini=small`.
pub const AZURE_DEPLOYMENTS_VARIABLE: &str = "AZURE_OPENAI_DEPLOYMENT_NAME_MAP";

/// The version that is without date and does not end.
const VERSION: &str = "v1";

/// Opens the models of an Azure OpenAI resource. Clones, and the models opened, share one pool of connections.
///
/// Under the version `v1`, models are spoken to over Responses. Under a dated version they are spoken to over Chat
/// Completions, each at the address of its deployment.
#[derive(Debug, Clone)]
pub struct Azure {
    access: Access,
    version: String,
    deployments: BTreeMap<String, String>,
}

impl Azure {
    /// The resource at `base_url`, with an API key.
    pub fn new(base_url: impl Into<String>, key: impl Into<Secret>) -> Self {
        Self::with_auth(base_url, Auth::Header("api-key", key.into()))
    }

    /// The resource at `base_url`, with a token of Entra ID. Such tokens live for about an hour.
    pub fn token(base_url: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self::with_auth(base_url, Auth::Bearer(token.into()))
    }

    /// The resource at `base_url`, with credentials that `signer` is asked for at each request.
    pub fn signer(base_url: impl Into<String>, signer: Arc<dyn Signer>) -> Self {
        Self::with_auth(base_url, Auth::Signer(signer))
    }

    fn with_auth(base_url: impl Into<String>, auth: Auth) -> Self {
        let access = Access::new(AZURE_PROVIDER, AZURE_KEY_VARIABLE, base_url, auth);
        Self { access, version: VERSION.to_owned(), deployments: BTreeMap::new() }
    }

    /// As the environment says.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] without key and token, and without an address or the name of a resource.
    pub fn from_env() -> Result<Self> {
        Self::with_env(&|variable| std::env::var(variable).ok())
    }

    /// As [`Azure::from_env`], from variables that `env` looks up.
    ///
    /// # Errors
    /// As [`Azure::from_env`].
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |variable: &str| env(variable).filter(|value| !value.trim().is_empty());
        let missing = |what: String| Error::new(ErrorKind::Config, "open model", what);
        let (variable, auth) = match (given(AZURE_KEY_VARIABLE), given(AZURE_TOKEN_VARIABLE)) {
            (Some(key), _) => (AZURE_KEY_VARIABLE, Auth::Header("api-key", key.into())),
            (None, Some(token)) => (AZURE_TOKEN_VARIABLE, Auth::Bearer(token.into())),
            (None, None) => {
                let what = "there is no key for Azure OpenAI";
                return Err(missing(format!(
                    "{what}: set {AZURE_KEY_VARIABLE}, or {AZURE_TOKEN_VARIABLE} for a token"
                )));
            }
        };
        let by_name = || given(AZURE_RESOURCE_VARIABLE).map(|name| format!("https://{}.openai.azure.com", name.trim()));
        let base_url = AZURE_URL_VARIABLES.iter().find_map(|name| given(name)).or_else(by_name).ok_or_else(|| {
            let [base, endpoint] = AZURE_URL_VARIABLES;
            missing(format!(
                "Azure OpenAI is at an address of your own: set {base} or {endpoint}, or {AZURE_RESOURCE_VARIABLE}"
            ))
        })?;
        let mut azure = Self::with_auth(base_url, auth);
        azure.access = azure.access.key_from(variable);
        if let Some(version) = AZURE_VERSION_VARIABLES.iter().find_map(|name| given(name)) {
            azure = azure.api_version(version);
        }
        for pair in given(AZURE_DEPLOYMENTS_VARIABLE).unwrap_or_default().split(',') {
            if let Some((model, deployment)) = pair.split_once('=') {
                azure = azure.deployment(model.trim(), deployment.trim());
            }
        }
        Ok(azure)
    }

    /// Sets the address of the resource.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.access = self.access.base_url(url);
        self
    }

    /// Sets the version of the API: `v1`, or a date.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into().trim().to_owned();
        self
    }

    /// Names the deployment of a model. Without it, the deployment is called as the model is.
    #[must_use]
    pub fn deployment(mut self, model: impl Into<String>, deployment: impl Into<String>) -> Self {
        self.deployments.insert(model.into(), deployment.into());
        self
    }

    /// Adds a header to every request. One with credentials takes the place of the key.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.access = self.access.header(name, value);
        self
    }

    /// Uses this connection pool instead of one of its own.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.access = self.access.http(http);
        self
    }

    /// Opens a model by its id. Ids that are not known work.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty id or key, and for an address or header that cannot be used.
    pub fn model(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.open(self.describe(id))
    }

    /// What is known of the model `id`, to be completed and given to [`Azure::open`].
    pub fn describe(&self, id: &str) -> ModelInfo {
        let api = if self.is_dated() { CHAT_API } else { RESPONSES_API };
        let mut info = ModelInfo::new(AZURE_PROVIDER, api, id);
        if let Some(entry) = catalog::find(AZURE_PROVIDER, id) {
            entry.describe(&mut info);
        }
        info
    }

    /// The model of `info`.
    ///
    /// # Errors
    /// As [`Azure::model`].
    pub fn open(&self, info: ModelInfo) -> Result<Arc<dyn Model>> {
        let model = info.origin.model.clone();
        let deployment = self.deployments.get(&*model).map_or(&*model, String::as_str);
        let access = self.access.clone().base_url(self.address(deployment));
        if self.is_dated() {
            access.open(ChatCodec::new(info, Compat::OPENAI))
        } else {
            access.open(ResponsesCodec::new(info).sent_as(deployment))
        }
    }

    fn is_dated(&self) -> bool {
        self.version.starts_with(|c: char| c.is_ascii_digit())
    }

    /// The address that paths are added to. A resource without a path has the one that all have.
    fn address(&self, deployment: &str) -> String {
        let given = self.access.address().trim();
        let given = given.split_once('?').map_or(given, |(address, _)| address).trim_end_matches('/');
        let root = given.strip_suffix("/v1").unwrap_or(given);
        let root = root.strip_suffix("/openai").unwrap_or(root);
        let place = match given.split_once("://") {
            Some((_, rest)) if rest.contains('/') && root == given => given.to_owned(),
            _ if self.is_dated() => format!("{root}/openai/deployments/{}", path_segment(deployment)),
            _ => format!("{root}/openai/v1"),
        };
        format!("{place}?api-version={}", self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(variables: &[(&str, &str)], model: &str) -> Result<String> {
        let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        Azure::with_env(&env).and_then(|azure| Ok(format!("{:?}", azure.model(model)?)))
    }

    #[test]
    fn the_environment_has_key_resource_version_and_deployments() {
        let key = ("AZURE_OPENAI_API_KEY", "planted-key");
        let named = open(&[key, ("AZURE_OPENAI_RESOURCE_NAME", "mine")], "gpt-5.5").unwrap();
        assert!(named.contains("https://mine.openai.azure.com/openai/v1?api-version=v1"), "{named}");
        assert!(named.contains("api-key") && !named.contains("planted"), "{named}");
        let dated = [
            ("AZURE_OPENAI_AD_TOKEN", "planted-token"),
            ("AZURE_OPENAI_ENDPOINT", "https://mine.cognitiveservices.azure.com/"),
            ("OPENAI_API_VERSION", "2024-10-21"),
            ("AZURE_OPENAI_DEPLOYMENT_NAME_MAP", "gpt-5.5 = prod/1, x"),
        ];
        let dated = open(&dated, "gpt-5.5").unwrap();
        let url = "https://mine.cognitiveservices.azure.com/openai/deployments/prod%2F1?api-version=2024-10-21";
        assert!(dated.contains(url) && dated.contains("authorization") && !dated.contains("planted"), "{dated}");
        assert!(
            open(&[key], "m").unwrap_err().to_string().contains("set AZURE_OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT")
        );
        assert!(open(&[], "m").unwrap_err().to_string().contains("set AZURE_OPENAI_API_KEY, or AZURE_OPENAI_AD_TOKEN"));
    }

    #[test]
    fn an_address_is_completed_and_one_with_a_path_of_its_own_is_kept() {
        for (given, expected) in [
            ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1?api-version=v1"),
            ("https://r.openai.azure.com/openai", "https://r.openai.azure.com/openai/v1?api-version=v1"),
            ("https://r.openai.azure.com/openai/v1/?x=1", "https://r.openai.azure.com/openai/v1?api-version=v1"),
            ("http://127.0.0.1:9/gateway", "http://127.0.0.1:9/gateway?api-version=v1"),
        ] {
            assert_eq!(Azure::new(given, "k").address("d"), expected, "{given}");
        }
    }

    #[test]
    fn a_model_is_known_by_its_own_name_and_sent_as_its_deployment() {
        use flue_core::model::{Message, ModelRequest};
        use flue_models_kit::Codec;
        let azure = Azure::new("http://127.0.0.1:9", "k").deployment("gpt-5.5", "prod");
        let info = azure.describe("gpt-5.5");
        assert!(info.reasoning && info.price.is_some());
        assert_eq!(azure.open(info.clone()).unwrap().info().spec(), "azure/gpt-5.5");
        let codec = ResponsesCodec::new(info).sent_as("prod");
        let body = codec.encode(&ModelRequest::new(vec![Message::user("x")])).unwrap().body;
        assert!(String::from_utf8_lossy(&body).starts_with(r#"{"model":"prod","#));
    }
}
