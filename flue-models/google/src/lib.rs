#![doc = include_str!("../README.md")]

mod catalog;
mod codec;
mod decode;
mod encode;
mod native;
mod provider;
#[cfg(feature = "vertex")]
mod vertex;

pub use self::catalog::{CATALOG, ModelOptions, ThinkingStyle};
pub use self::codec::Gemini;
pub use self::provider::{BASE_URL, Google, KEY_VARIABLE, OTHER_KEY_VARIABLE, PROVIDER, URL_VARIABLE};
#[cfg(feature = "vertex")]
pub use self::vertex::{
    LOCATION_VARIABLE, PROJECT_VARIABLE, VERTEX_KEY_VARIABLE, VERTEX_PROVIDER, VERTEX_TOKEN_VARIABLE,
    VERTEX_URL_VARIABLE, Vertex,
};
