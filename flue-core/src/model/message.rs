//! The neutral transcript: what was said, by whom, with the provider's own items carried along opaquely.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{StopReason, Usage, WireSlot};

/// One entry of a transcript. Immutable once made; shared by [`Arc`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// What it says.
    pub body: Body,
    #[serde(skip)]
    wire: WireSlot,
}

impl Message {
    /// Wraps a body.
    pub fn new(body: impl Into<Body>) -> Arc<Self> {
        Arc::new(Self { body: body.into(), wire: WireSlot::default() })
    }

    /// A user's text.
    pub fn user(text: impl Into<String>) -> Arc<Self> {
        Self::new(User::text(text))
    }

    /// Where an encoder keeps its bytes for this message.
    pub fn wire(&self) -> &WireSlot {
        &self.wire
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Body {
    /// The user, or the harness in the user's place.
    User(User),
    /// The model.
    Assistant(Assistant),
    /// A tool: the answer to one call.
    ToolResult(ToolResult),
}

impl From<User> for Body {
    fn from(user: User) -> Self {
        Self::User(user)
    }
}

impl From<Assistant> for Body {
    fn from(assistant: Assistant) -> Self {
        Self::Assistant(assistant)
    }
}

impl From<ToolResult> for Body {
    fn from(result: ToolResult) -> Self {
        Self::ToolResult(result)
    }
}

/// What a user, or a tool in its result, says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum UserBlock {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image(Image),
}

impl UserBlock {
    /// A block of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// An image, encoded as every provider takes it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Its media type: `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
    pub media_type: String,
    /// Its bytes in standard base64.
    pub data: Arc<str>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("media_type", &self.media_type).field("base64_bytes", &self.data.len()).finish()
    }
}

/// A user's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its blocks, in order.
    pub content: Vec<UserBlock>,
}

impl User {
    /// A message of one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![UserBlock::text(text)] }
    }
}

/// Where a model's message came from. Native items are replayed only to the same origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The provider: `anthropic`.
    pub provider: Arc<str>,
    /// The wire protocol: `anthropic-messages`.
    pub api: Arc<str>,
    /// The model as it was asked for.
    pub model: Arc<str>,
}

/// A model's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assistant {
    /// Its blocks, in the order in which the model made them.
    pub content: Vec<AssistantBlock>,
    /// Why the model stopped.
    pub stop: StopReason,
    /// Which model, over which protocol.
    pub origin: Origin,
    /// What it cost.
    #[serde(default)]
    pub usage: Usage,
    /// The provider's id of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// The model that answered, where a router chose another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_model: Option<String>,
}

impl Assistant {
    /// The text blocks, joined with newlines. Thinking and tool calls are not part of it.
    pub fn text(&self) -> String {
        let mut joined = String::new();
        for block in &self.content {
            if let AssistantBlock::Text(text) = block {
                if !joined.is_empty() {
                    joined.push('\n');
                }
                joined.push_str(&text.text);
            }
        }
        joined
    }

    /// The tool calls, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(|block| match block {
            AssistantBlock::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// A part of a model's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AssistantBlock {
    /// Text for the user.
    Text(Text),
    /// Reasoning.
    Thinking(Thinking),
    /// A request to run a tool.
    ToolCall(ToolCall),
    /// Something of the provider's that has no neutral form; replayed to its origin, shown to nobody else.
    Native(NativeItem),
}

/// Text of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    /// The text.
    pub text: String,
    /// What the origin wants back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativeItem>,
}

impl Text {
    /// Text with nothing native.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), native: None }
    }
}

/// Reasoning of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thinking {
    /// What the provider shows of it; empty when it shows nothing.
    pub text: String,
    /// What the origin wants back: a signature, an encrypted item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativeItem>,
}

/// A request to run a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Links the call to its result. Unique within a message.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments: the text of a JSON object.
    pub arguments: Arc<str>,
    /// What came instead, when the model's arguments were not a JSON object; `arguments` is `{}` then and the call is
    /// answered with an error, never guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malformed: Option<String>,
    /// What the origin wants back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<NativeItem>,
}

impl ToolCall {
    /// A call with the arguments as the model wrote them: empty text is no arguments, anything that is not a JSON
    /// object is kept as [`ToolCall::malformed`].
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: &str) -> Self {
        let trimmed = arguments.trim();
        let is_object = trimmed.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(trimmed).is_ok();
        let (arguments, malformed) = if is_object {
            (trimmed, None)
        } else if trimmed.is_empty() {
            ("{}", None)
        } else {
            ("{}", Some(arguments.to_owned()))
        };
        Self { id: id.into(), name: name.into(), arguments: arguments.into(), malformed, native: None }
    }
}

/// The answer to one tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// The tool's name; some providers ask for it.
    pub tool: String,
    /// What the tool says.
    pub content: Vec<UserBlock>,
    /// Whether the call failed.
    #[serde(default)]
    pub is_error: bool,
}

impl ToolResult {
    /// What `call` gave.
    pub fn new(call: &ToolCall, content: Vec<UserBlock>) -> Self {
        Self { call_id: call.id.clone(), tool: call.name.clone(), content, is_error: false }
    }

    /// Why `call` failed.
    pub fn error(call: &ToolCall, text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::new(call, vec![UserBlock::text(text)]) }
    }

    /// The text blocks, joined with newlines.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|block| match block {
                UserBlock::Text { text } => Some(text.as_str()),
                UserBlock::Image(_) => None,
            })
            .collect();
        texts.join("\n")
    }
}

/// Something of a provider's, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NativeItem {
    /// The only place to send it to.
    pub origin: Origin,
    /// What kind of item it is, in the words of its codec: `signature`, `reasoning_item`.
    pub kind: String,
    /// The item, as text: JSON, base64 or a signature, byte for byte.
    pub data: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_are_not_an_object_are_kept_and_never_guessed() {
        for (input, arguments, malformed) in [
            (r#"{"a":1}"#, r#"{"a":1}"#, false),
            ("  {} ", "{}", false),
            ("", "{}", false),
            ("[1]", "{}", true),
            ("null", "{}", true),
            (r#"{"a":"#, "{}", true),
            (r#"{"a":1} extra"#, "{}", true),
        ] {
            let call = ToolCall::new("id", "read", input);
            assert_eq!(&*call.arguments, arguments, "{input:?}");
            assert_eq!(call.malformed.as_deref(), malformed.then_some(input), "{input:?}");
        }
    }

    #[test]
    fn a_message_survives_json() {
        let message = Message::new(ToolResult {
            call_id: "c1".into(),
            tool: "read".into(),
            content: vec![UserBlock::text("x")],
            is_error: true,
        });
        let json = serde_json::to_string(&*message).unwrap();
        assert_eq!(
            json,
            r#"{"body":{"role":"tool_result","call_id":"c1","tool":"read","content":[{"type":"text","text":"x"}],"is_error":true}}"#
        );
        assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), *message);
    }
}
