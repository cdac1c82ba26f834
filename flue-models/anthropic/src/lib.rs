#![doc = include_str!("../README.md")]

mod catalog;
mod codec;
mod decode;
mod encode;
mod provider;

pub use flue_models_kit::claude::ThinkingStyle;

pub use self::catalog::{CATALOG, ModelOptions};
pub use self::codec::Messages;
pub use self::provider::{Anthropic, BASE_URL, KEY_VARIABLE, PROVIDER, TOKEN_VARIABLE, URL_VARIABLE};
