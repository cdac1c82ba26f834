//! Bedrock as a provider: a region, credentials, and models by id.

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};
use flue_models_kit::{Access, Auth, Http, Secret, Signer};

use crate::{Converse, ModelOptions};

/// The name of this provider: `bedrock/global.anthropic.claude-sonnet-4-6`.
pub const PROVIDER: &str = "bedrock";
/// The variable with the API key.
pub const KEY_VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";
/// The variables with the region, in the order in which they are looked at.
pub const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// The region when nothing says another.
pub const REGION: &str = "us-east-1";
/// The variable with another address.
pub const URL_VARIABLE: &str = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME";

/// Opens the models of Bedrock. Clones, and the models opened, share one pool of connections.
#[derive(Debug, Clone)]
pub struct Bedrock {
    auth: Auth,
    key_from: Option<&'static str>,
    region: String,
    base_url: Option<String>,
    headers: Vec<(String, Secret)>,
    http: Http,
    #[cfg(feature = "sigv4")]
    keys: Option<crate::keys::Keys>,
}

impl Bedrock {
    /// With an API key of Bedrock.
    pub fn new(key: impl Into<Secret>) -> Self {
        Self::with_auth(Auth::Bearer(key.into()))
    }

    /// With credentials that `signer` is asked for at each request.
    pub fn signer(signer: Arc<dyn Signer>) -> Self {
        Self::with_auth(Auth::Signer(signer))
    }

    /// With access keys, by which each request is signed.
    #[cfg(feature = "sigv4")]
    pub fn access_key(key: crate::AccessKey) -> Self {
        Self::with_keys(crate::keys::Keys::Fixed(key))
    }

    /// With the keys and the region of a profile. Those that a program hands out are asked for at the first request, and
    /// again five minutes before they end.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a profile without keys, and for one that only AWS's own command can follow.
    #[cfg(feature = "sigv4")]
    pub fn profile(profile: &crate::Profile) -> Result<Self> {
        let Some(keys) = profile.keys()? else {
            let why = "the profile has neither keys nor a credential_process";
            return Err(Error::new(ErrorKind::Config, "open model", why).with("profile", profile.name()));
        };
        let bedrock = Self::with_keys(keys);
        Ok(match profile.region() {
            Some(region) => bedrock.region(region),
            None => bedrock,
        })
    }

    #[cfg(feature = "sigv4")]
    fn with_keys(keys: crate::keys::Keys) -> Self {
        Self { keys: Some(keys), ..Self::with_auth(Auth::None) }
    }

    fn with_auth(auth: Auth) -> Self {
        Self {
            auth,
            key_from: None,
            region: REGION.to_owned(),
            base_url: None,
            headers: Vec::new(),
            http: Http::default(),
            #[cfg(feature = "sigv4")]
            keys: None,
        }
    }

    /// As the environment says.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it has no credentials, and for files of profiles that cannot be used.
    pub fn from_env() -> Result<Self> {
        Self::with_env(&|variable| std::env::var(variable).ok())
    }

    /// As [`Bedrock::from_env`], from variables that `env` looks up.
    ///
    /// # Errors
    /// As [`Bedrock::from_env`].
    pub fn with_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |variable: &str| env(variable).filter(|value| !value.trim().is_empty());
        let key = given(KEY_VARIABLE).map(|key| Self { key_from: Some(KEY_VARIABLE), ..Self::new(key) });
        let region = REGION_VARIABLES.iter().find_map(|name| given(name));
        let mut bedrock = Self::with_profile(key, region.is_some(), &given)?;
        if let Some(region) = region {
            bedrock = bedrock.region(region);
        }
        if let Some(url) = given(URL_VARIABLE) {
            bedrock = bedrock.base_url(url);
        }
        Ok(bedrock)
    }

    /// `keyed`, or with access keys; with the region of the profile, unless it `has_region`.
    #[cfg(feature = "sigv4")]
    fn with_profile(keyed: Option<Self>, has_region: bool, given: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        use crate::{ACCESS_KEY_VARIABLE, AccessKey, PROFILE_VARIABLE, ProfileFiles, SECRET_KEY_VARIABLE};
        let from_keys = |key| Self { key_from: Some(ACCESS_KEY_VARIABLE), ..Self::access_key(key) };
        let keyed = match (keyed, given(ACCESS_KEY_VARIABLE), given(SECRET_KEY_VARIABLE)) {
            (Some(keyed), ..) => Some(keyed),
            (None, Some(_), None) => {
                let why = format!("{ACCESS_KEY_VARIABLE} is set, and {SECRET_KEY_VARIABLE} is not: set both, or none");
                return Err(Error::new(ErrorKind::Config, "open model", why));
            }
            (None, ..) => AccessKey::with_env(given).map(from_keys),
        };
        if has_region && let Some(keyed) = keyed {
            return Ok(keyed);
        }
        let files = ProfileFiles::with_env(given);
        match (keyed, files.profile_with_env(given)?) {
            (Some(keyed), None) => Ok(keyed),
            (Some(keyed), Some(profile)) => Ok(match profile.region() {
                Some(region) => keyed.region(region),
                None => keyed,
            }),
            (None, Some(profile)) => {
                let key_from = crate::profile::named(given).map_or("the default profile", |(variable, _)| variable);
                let bedrock = Self::profile(&profile).map_err(|error| files.at(error))?;
                Ok(Self { key_from: Some(key_from), ..bedrock })
            }
            (None, None) => Err(files.at(no_credentials(&format!(
                "set {KEY_VARIABLE}, or {ACCESS_KEY_VARIABLE} and {SECRET_KEY_VARIABLE}, or {PROFILE_VARIABLE} to a profile \
                 with keys or a credential_process"
            )))),
        }
    }

    #[cfg(not(feature = "sigv4"))]
    fn with_profile(keyed: Option<Self>, _has_region: bool, _given: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        keyed.ok_or_else(|| {
            no_credentials(&format!("set {KEY_VARIABLE}; access keys and profiles need the feature `sigv4`"))
        })
    }

    /// Sets the region, for models whose id does not name it.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Another address.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Another header. One with credentials replaces the key.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Shares a pool of connections with other providers.
    #[must_use]
    pub fn http(mut self, http: Http) -> Self {
        self.http = http;
        self
    }

    /// Opens a model by its id, by an inference profile's id, or by an ARN. Ids that are not known work.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for an empty id or key, and for an address or header that cannot be used.
    pub fn model(&self, id: &str) -> Result<Arc<dyn Model>> {
        self.model_with(id, &ModelOptions::default())
    }

    /// As [`Bedrock::model`], knowing more about the model than the catalogue.
    ///
    /// # Errors
    /// As [`Bedrock::model`].
    pub fn model_with(&self, id: &str, options: &ModelOptions) -> Result<Arc<dyn Model>> {
        let region = region_of(id).unwrap_or(&self.region);
        let url = match &self.base_url {
            Some(url) => url.clone(),
            None => format!("https://bedrock-runtime.{region}.amazonaws.com"),
        };
        let mut access = Access::new(PROVIDER, KEY_VARIABLE, url, self.auth_in(region)).http(self.http.clone());
        if let Some(variable) = self.key_from {
            access = access.key_from(variable);
        }
        for (name, value) in &self.headers {
            access = access.header(name, value.clone());
        }
        access.open(Converse::new(PROVIDER, id, options))
    }

    #[cfg(feature = "sigv4")]
    fn auth_in(&self, region: &str) -> Auth {
        match &self.keys {
            Some(keys) => Auth::Signer(Arc::new(crate::SigV4::with_keys(keys.clone(), region))),
            None => self.auth.clone(),
        }
    }

    #[cfg(not(feature = "sigv4"))]
    fn auth_in(&self, _region: &str) -> Auth {
        self.auth.clone()
    }
}

/// The region in an ARN: `arn:aws:bedrock:eu-west-1:…`.
fn region_of(id: &str) -> Option<&str> {
    id.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

fn no_credentials(ways: &str) -> Error {
    Error::new(ErrorKind::Config, "open model", format!("there are no credentials for Bedrock: {ways}"))
}
