//! Every codec with a reply that its provider, or a stand-in for it, gave.

use flue_core::model::{ModelInfo, Turn};
use flue_core_testkit::model::turn;
use flue_models_anthropic::Messages;
use flue_models_bedrock::Converse;
use flue_models_google::Gemini;
use flue_models_kit::{Codec, ReplyFormat, decode};
use flue_models_openai::{ChatCodec, Compat, OpenAi, Preset, ResponsesCodec, Wire};

/// A model and a reply of its.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) codec: Box<dyn Codec>,
    pub(crate) format: ReplyFormat,
    /// Replies with calls.
    pub(crate) replies: Vec<&'static [u8]>,
    /// What stands in the replies that only their writer may get back.
    pub(crate) native: &'static [&'static str],
}

impl Case {
    /// The turn that the first reply is.
    pub(crate) fn turn(&self) -> Turn {
        turn(decode(&*self.codec, self.format, &[self.replies[0]]).unwrap())
    }
}

macro_rules! fixture {
    ($crate_name:literal, $file:literal) => {
        include_bytes!(concat!("../../", $crate_name, "/tests/fixtures/", $file)).as_slice()
    };
}

pub(crate) fn all() -> Vec<Case> {
    let openrouter = Preset::named("openrouter").unwrap();
    let mut routed = ModelInfo::new("openrouter", flue_models_openai::CHAT_API, "anthropic/claude-sonnet-4.6");
    (routed.images, routed.reasoning) = (true, true);
    let gemini = |model| Gemini::new("google", model, &Default::default());
    let documented = fixture!("google", "documented-everything.sse");
    vec![
        Case {
            name: "anthropic",
            codec: Box::new(Messages::new("anthropic", "claude-sonnet-4-6", &Default::default())),
            format: ReplyFormat::Events,
            replies: vec![
                fixture!("anthropic", "aimock-think-tool.sse"),
                fixture!("anthropic", "documented-everything.sse"),
                fixture!("anthropic", "llamacpp-tool.sse"),
            ],
            native: &["c2lnbmF0dXJlLWZyb20tYWltb2Nr", "ZW5jcnlwdGVkLXJlZGFjdGVk"],
        },
        Case {
            name: "responses",
            codec: Box::new(ResponsesCodec::new(OpenAi::new("k").describe("gpt-5.5", Wire::Responses))),
            format: ReplyFormat::Events,
            replies: vec![
                fixture!("openai", "responses-openai-parallel.sse"),
                fixture!("openai", "responses-aimock-think-tool.sse"),
                fixture!("openai", "responses-llamacpp-tool.sse"),
            ],
            native: &["encrypted_content"],
        },
        Case {
            name: "chat",
            codec: Box::new(ChatCodec::new(OpenAi::new("k").describe("gpt-5.5", Wire::Chat), Compat::OPENAI)),
            format: ReplyFormat::Events,
            replies: vec![
                fixture!("openai", "chat-openai-parallel.sse"),
                fixture!("openai", "chat-gemini-no-index.sse"),
                fixture!("openai", "chat-ollama-index-zero.sse"),
                fixture!("openai", "chat-mistral-list-content.sse"),
            ],
            native: &[],
        },
        Case {
            name: "openrouter",
            codec: Box::new(ChatCodec::new(routed, openrouter.compat)),
            format: ReplyFormat::Events,
            replies: vec![fixture!("openai", "chat-openrouter-reasoning.sse")],
            native: &["reasoning_details"],
        },
        Case {
            name: "gemini-3",
            codec: Box::new(gemini("gemini-3-flash-preview")),
            format: ReplyFormat::Events,
            replies: vec![documented, fixture!("google", "aimock-two-tools.sse")],
            native: &["dGhvdWdodA==", "dGV4dA==", "Y2FsbA==", "executableCode"],
        },
        Case {
            name: "gemini-2.5",
            codec: Box::new(gemini("gemini-2.5-pro")),
            format: ReplyFormat::Events,
            replies: vec![documented, fixture!("google", "aimock-think-tool.sse")],
            native: &["dGhvdWdodA==", "dGV4dA==", "Y2FsbA==", "executableCode"],
        },
        Case {
            name: "bedrock",
            codec: Box::new(Converse::new("bedrock", "global.anthropic.claude-sonnet-4-6", &Default::default())),
            format: ReplyFormat::Frames,
            replies: vec![
                fixture!("bedrock", "documented-everything.bin"),
                fixture!("bedrock", "aimock-think-tool.bin"),
            ],
            native: &["c2lnbmVk", "YWJj"],
        },
    ]
}
