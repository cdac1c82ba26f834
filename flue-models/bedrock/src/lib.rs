#![doc = include_str!("../README.md")]

mod catalog;
mod codec;
mod decode;
mod encode;
mod provider;
#[cfg(feature = "sigv4")]
mod sign;

pub use flue_models_kit::claude::ThinkingStyle;

pub use self::catalog::{CATALOG, ModelOptions};
pub use self::codec::Converse;
pub use self::provider::{Bedrock, KEY_VARIABLE, PROVIDER, REGION, REGION_VARIABLES, URL_VARIABLE};
#[cfg(feature = "sigv4")]
pub use self::sign::{ACCESS_KEY_VARIABLE, AccessKey, SECRET_KEY_VARIABLE, SESSION_TOKEN_VARIABLE, SigV4};
