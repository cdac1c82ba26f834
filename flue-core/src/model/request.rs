//! What a model is asked.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Message, WireSlot};

/// One turn to take: the whole conversation and how to answer it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The system prompt; may be empty.
    pub system: Arc<str>,
    /// The conversation so far, oldest first.
    pub messages: Arc<Vec<Arc<Message>>>,
    /// The tools that the model may call.
    pub tools: Arc<ToolSet>,
    /// Whether it must, may or may not call one.
    pub tool_choice: ToolChoice,
    /// How hard to think.
    pub thinking: ThinkingLevel,
    /// The longest answer, in tokens; the provider's default when absent.
    pub max_output: Option<u64>,
    /// What stays the same through a session, so that the provider finds its prompt cache again.
    pub cache_key: Option<Arc<str>>,
}

impl ModelRequest {
    /// A request without system prompt, tools or thinking.
    pub fn new(messages: Vec<Arc<Message>>) -> Self {
        Self {
            system: "".into(),
            messages: Arc::new(messages),
            tools: Arc::default(),
            tool_choice: ToolChoice::Auto,
            thinking: ThinkingLevel::Off,
            max_output: None,
            cache_key: None,
        }
    }
}

/// Whether the model calls tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum ToolChoice {
    /// As the model sees fit.
    #[default]
    Auto,
    /// It may not.
    None,
    /// It must call one.
    Required,
    /// It must call this one.
    Tool(String),
}

/// How hard a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ThinkingLevel {
    /// Not at all.
    Off,
    /// As little as the model can.
    Minimal,
    /// A little.
    Low,
    /// The default of the harness.
    #[default]
    Medium,
    /// A lot.
    High,
    /// More than a lot.
    Xhigh,
    /// As much as the model can.
    Max,
}

impl ThinkingLevel {
    /// Every level, least first.
    pub const ALL: [Self; 7] = [Self::Off, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    /// The level's name, as providers and configuration spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for ThinkingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A tool as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// The JSON Schema of its arguments; the top level is an object.
    pub parameters: Value,
}

/// The tools of a request, with room for their encoding.
#[derive(Debug, Clone, Default)]
pub struct ToolSet {
    specs: Vec<ToolSpec>,
    wire: WireSlot,
}

impl ToolSet {
    /// The tools, in the order in which the model sees them.
    pub fn new(specs: Vec<ToolSpec>) -> Self {
        Self { specs, wire: WireSlot::default() }
    }

    /// The tools, in order.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// Where an encoder keeps its bytes for this set.
    pub fn wire(&self) -> &WireSlot {
        &self.wire
    }
}
