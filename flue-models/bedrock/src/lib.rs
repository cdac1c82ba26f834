#![doc = include_str!("../README.md")]

mod catalog;
mod codec;
mod decode;
mod encode;
#[cfg(feature = "sigv4")]
mod ini;
#[cfg(feature = "sigv4")]
mod keys;
#[cfg(feature = "sigv4")]
mod process;
#[cfg(feature = "sigv4")]
mod profile;
mod provider;
#[cfg(feature = "sigv4")]
mod sign;
#[cfg(feature = "sigv4")]
mod words;

pub use flue_models_kit::claude::ThinkingStyle;

pub use self::catalog::{CATALOG, ModelOptions};
pub use self::codec::Converse;
#[cfg(feature = "sigv4")]
pub use self::process::{CREDENTIAL_PROCESS_TIMEOUT, MAX_CREDENTIAL_PROCESS_BYTES};
#[cfg(feature = "sigv4")]
pub use self::profile::{
    CONFIG_FILE_VARIABLE, CREDENTIALS_FILE_VARIABLE, DEFAULT_PROFILE, MAX_PROFILES_BYTES, PROFILE_VARIABLE, Profile,
    ProfileFiles,
};
pub use self::provider::{Bedrock, KEY_VARIABLE, PROVIDER, REGION, REGION_VARIABLES, URL_VARIABLE};
#[cfg(feature = "sigv4")]
pub use self::sign::{ACCESS_KEY_VARIABLE, AccessKey, SECRET_KEY_VARIABLE, SESSION_TOKEN_VARIABLE, SigV4};
