//! The wires, as `flue` is pointed at them.

/// A wire: the model's name, the variables with address and key, and where each server has it, if it does.
pub(super) struct Wire {
    pub(super) name: &'static str,
    pub(super) model: &'static str,
    pub(super) address: &'static str,
    pub(super) key: &'static str,
    /// What else has to be set.
    pub(super) env: &'static [(&'static str, &'static str)],
    pub(super) aimock: &'static str,
    pub(super) llmock: Option<&'static str>,
    pub(super) llamacpp: Option<&'static str>,
}

impl Wire {
    /// Where the server called `server` has this wire.
    pub(super) fn at(&self, server: &str) -> Option<&'static str> {
        match server {
            "aimock" => Some(self.aimock),
            "llmock" => self.llmock,
            _ => self.llamacpp,
        }
    }
}

pub(super) static WIRES: [Wire; 7] = [
    Wire {
        name: "anthropic messages",
        model: "anthropic/claude-sonnet-4-6",
        address: "ANTHROPIC_BASE_URL",
        key: "ANTHROPIC_API_KEY",
        env: &[],
        aimock: "",
        llmock: Some("/anthropic"),
        llamacpp: Some(""),
    },
    Wire {
        name: "openai responses",
        model: "openai/gpt-5.5",
        address: "OPENAI_BASE_URL",
        key: "OPENAI_API_KEY",
        env: &[],
        aimock: "/v1",
        llmock: Some("/v1"),
        llamacpp: Some("/v1"),
    },
    Wire {
        name: "chat completions",
        model: "openai-chat/gpt-5.5",
        address: "OPENAI_BASE_URL",
        key: "OPENAI_API_KEY",
        env: &[],
        aimock: "/v1",
        llmock: Some("/v1"),
        llamacpp: Some("/v1"),
    },
    Wire {
        name: "gemini",
        model: "google/gemini-3-flash-preview",
        address: "GOOGLE_GEMINI_BASE_URL",
        key: "GEMINI_API_KEY",
        env: &[],
        aimock: "/v1beta",
        llmock: Some("/gemini/v1beta"),
        llamacpp: None,
    },
    Wire {
        name: "vertex",
        model: "vertex/gemini-2.5-pro",
        address: "GOOGLE_VERTEX_BASE_URL",
        key: "GOOGLE_CLOUD_API_KEY",
        env: &[("GOOGLE_CLOUD_PROJECT", "project")],
        aimock: "",
        llmock: None,
        llamacpp: None,
    },
    Wire {
        name: "azure responses",
        model: "azure/gpt-5.5",
        address: "AZURE_OPENAI_BASE_URL",
        key: "AZURE_OPENAI_API_KEY",
        env: &[],
        aimock: "",
        llmock: None,
        llamacpp: None,
    },
    Wire {
        name: "bedrock converse",
        // Not a Claude: aimock takes no cache points among the tools, which AWS wants there.
        model: "bedrock/amazon.nova-pro-v1:0",
        address: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        key: "AWS_BEARER_TOKEN_BEDROCK",
        env: &[],
        aimock: "",
        llmock: None,
        llamacpp: None,
    },
];
