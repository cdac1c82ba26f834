#![doc = include_str!("../README.md")]

#[cfg(feature = "azure")]
mod azure;
mod catalog;
mod chat;
mod compat;
mod preset;
mod provider;
mod responses;
mod text;

#[cfg(feature = "azure")]
pub use self::azure::{
    AZURE_DEPLOYMENTS_VARIABLE, AZURE_KEY_VARIABLE, AZURE_PROVIDER, AZURE_RESOURCE_VARIABLE, AZURE_TOKEN_VARIABLE,
    AZURE_URL_VARIABLES, AZURE_VERSION_VARIABLES, Azure,
};
pub use self::catalog::{CATALOG, Efforts, efforts_of};
pub use self::chat::ChatCodec;
pub use self::compat::{Compat, MaxTokens, PromptCache, ReasoningReplay, ThinkingFormat, ToolIds};
pub use self::preset::{PRESETS, Preset, Wire};
pub use self::provider::OpenAi;
pub use self::responses::ResponsesCodec;

/// The name of Chat Completions in a message's origin.
pub const CHAT_API: &str = "openai-chat";

/// The name of Responses in a message's origin.
pub const RESPONSES_API: &str = "openai-responses";
