#![doc = include_str!("../README.md")]

mod budget;
mod catalog;
mod chat;
mod compat;
mod preset;
mod provider;
mod responses;
mod text;
mod tolerant;

pub use self::chat::ChatCodec;
pub use self::compat::{Compat, MaxTokens, PromptCache, ReasoningReplay, ThinkingFormat, ToolIds};
pub use self::preset::{PRESETS, Preset, Wire};
pub use self::provider::OpenAi;
pub use self::responses::ResponsesCodec;

/// The name of Chat Completions in a message's origin.
pub const CHAT_API: &str = "openai-chat";

/// The name of Responses in a message's origin.
pub const RESPONSES_API: &str = "openai-responses";
