#![doc = include_str!("../README.md")]

mod catalog;
mod codec;
#[cfg(feature = "vertex")]
mod credentials;
mod decode;
mod encode;
mod native;
mod provider;
#[cfg(feature = "vertex")]
mod vertex;

pub use self::catalog::{CATALOG, ModelOptions, ThinkingStyle};
pub use self::codec::Gemini;
#[cfg(feature = "vertex")]
pub use self::credentials::{Credentials, MAX_CREDENTIALS_BYTES, TOKEN_URL};
pub use self::provider::{BASE_URL, Google, KEY_VARIABLE, OTHER_KEY_VARIABLE, PROVIDER, URL_VARIABLE};
#[cfg(feature = "vertex")]
pub use self::vertex::{
    CREDENTIALS_VARIABLE, LOCATION_VARIABLE, PROJECT_VARIABLE, VERTEX_KEY_VARIABLE, VERTEX_PROVIDER,
    VERTEX_TOKEN_VARIABLE, VERTEX_URL_VARIABLE, Vertex,
};
