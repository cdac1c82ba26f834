//! Servers that are known by name, as data.

use flue_core::model::ModelInfo;

use crate::catalog;
use crate::compat::{Compat, MaxTokens, PromptCache, ReasoningReplay, ThinkingFormat, ToolIds};

/// Which protocol a server is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// `POST /responses`.
    Responses,
    /// `POST /chat/completions`.
    Chat,
}

/// A server that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preset {
    /// Its name: what stands before the slash in `groq/llama-3.3-70b-versatile`.
    pub name: &'static str,
    /// Where its API is, version included.
    pub base_url: &'static str,
    /// The environment variable that overrides `base_url`.
    pub base_url_variable: &'static str,
    /// The environment variable with the key.
    pub key_variable: &'static str,
    /// Whether it answers nobody without a key.
    pub key_required: bool,
    /// The protocol that its models are opened with.
    pub wire: Wire,
    /// Its dialect of Chat Completions.
    pub compat: Compat,
    /// Parts of the names of its models that reason and may be asked to; an empty part is in every name.
    pub reasoning_models: &'static [&'static str],
    /// Parts of the names of its models that take images.
    pub image_models: &'static [&'static str],
}

impl Preset {
    /// The preset of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The preset whose server stands at `base_url`, told by its host.
    pub(crate) fn at(base_url: &str) -> Option<&'static Self> {
        let host = host_of(base_url)?;
        let hosted = PRESETS.iter().filter(|preset| preset.key_required);
        hosted.into_iter().find(|preset| host_of(preset.base_url) == Some(host))
    }

    /// What is known of the model `id` here, over `wire`.
    pub(crate) fn info(&self, id: &str, wire: Wire) -> ModelInfo {
        let api = match wire {
            Wire::Responses => crate::RESPONSES_API,
            Wire::Chat => crate::CHAT_API,
        };
        let mut info = ModelInfo::new(self.name, api, id);
        let named = |parts: &[&str]| parts.iter().any(|part| id.contains(part));
        info.reasoning = named(self.reasoning_models);
        info.images = named(self.image_models);
        if let Some(known) = catalog::find(self.name, id) {
            known.describe(&mut info);
        }
        info
    }

    pub(crate) fn is_openai(&self) -> bool {
        matches!(self.name, "openai" | "openai-chat")
    }
}

fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.split(':').next()
}

const HOSTED: Preset = Preset {
    name: "",
    base_url: "",
    base_url_variable: "",
    key_variable: "",
    key_required: true,
    wire: Wire::Chat,
    compat: Compat::GENERIC,
    reasoning_models: &[],
    image_models: &[],
};

const LOCAL: Preset = Preset { key_required: false, ..HOSTED };

/// Every server that is known by name. The catalogue comes before what is said here of their models' names; models that
/// neither knows work, and are taken to read text and not to reason.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        base_url_variable: "OPENAI_BASE_URL",
        key_variable: "OPENAI_API_KEY",
        wire: Wire::Responses,
        compat: Compat::OPENAI,
        ..HOSTED
    },
    Preset {
        name: "openai-chat",
        base_url: "https://api.openai.com/v1",
        base_url_variable: "OPENAI_BASE_URL",
        key_variable: "OPENAI_API_KEY",
        compat: Compat::OPENAI,
        ..HOSTED
    },
    Preset {
        name: "openrouter",
        base_url: "https://openrouter.ai/api/v1",
        base_url_variable: "OPENROUTER_BASE_URL",
        key_variable: "OPENROUTER_API_KEY",
        compat: Compat {
            thinking: ThinkingFormat::OpenRouter,
            cache: PromptCache::OpenRouter,
            reports_cost: true,
            ..Compat::GENERIC
        },
        // OpenRouter leaves out what a model does not support.
        reasoning_models: &[""],
        image_models: &["anthropic/claude", "openai/gpt-4", "openai/gpt-5", "google/gem", "x-ai/grok-4", "llama-4"],
        ..HOSTED
    },
    Preset {
        name: "groq",
        base_url: "https://api.groq.com/openai/v1",
        base_url_variable: "GROQ_BASE_URL",
        key_variable: "GROQ_API_KEY",
        compat: Compat {
            max_tokens: MaxTokens::MaxCompletionTokens,
            replay: ReasoningReplay::Never,
            ..Compat::GENERIC
        },
        reasoning_models: &["gpt-oss"],
        image_models: &["llama-4"],
        ..HOSTED
    },
    Preset {
        name: "deepseek",
        base_url: "https://api.deepseek.com",
        base_url_variable: "DEEPSEEK_BASE_URL",
        key_variable: "DEEPSEEK_API_KEY",
        compat: Compat { thinking: ThinkingFormat::DeepSeek, replay: ReasoningReplay::Always, ..Compat::GENERIC },
        reasoning_models: &["deepseek-v4"],
        ..HOSTED
    },
    Preset {
        name: "mistral",
        base_url: "https://api.mistral.ai/v1",
        base_url_variable: "MISTRAL_BASE_URL",
        key_variable: "MISTRAL_API_KEY",
        // Mistral answers 422 to every field that it does not know, and sends usage unasked.
        compat: Compat {
            stream_usage: false,
            tool_result_name: true,
            assistant_after_tool_result: true,
            thinking: ThinkingFormat::None,
            replay: ReasoningReplay::Never,
            ids: ToolIds::Mistral,
            ..Compat::GENERIC
        },
        reasoning_models: &["magistral"],
        image_models: &["pixtral", "mistral-medium", "mistral-small", "mistral-large"],
        ..HOSTED
    },
    Preset {
        name: "xai",
        base_url: "https://api.x.ai/v1",
        base_url_variable: "XAI_BASE_URL",
        key_variable: "XAI_API_KEY",
        // Grok reasons as it likes: the chat endpoint refuses `reasoning_effort` for most models.
        compat: Compat { thinking: ThinkingFormat::None, ..Compat::GENERIC },
        reasoning_models: &["grok-4"],
        image_models: &["grok-4"],
        ..HOSTED
    },
    Preset {
        name: "together",
        base_url: "https://api.together.ai/v1",
        base_url_variable: "TOGETHER_BASE_URL",
        key_variable: "TOGETHER_API_KEY",
        compat: Compat { thinking: ThinkingFormat::Together, ..Compat::GENERIC },
        reasoning_models: &["Qwen3.5", "Qwen3.6", "DeepSeek-V4", "Kimi-K", "GLM-5", "MiniMax-M3"],
        image_models: &["Qwen3.5", "Kimi-K", "gemma-4", "MiniMax-M3", "Llama-4"],
        ..HOSTED
    },
    Preset {
        name: "fireworks",
        base_url: "https://api.fireworks.ai/inference/v1",
        base_url_variable: "FIREWORKS_BASE_URL",
        key_variable: "FIREWORKS_API_KEY",
        reasoning_models: &["deepseek-v4", "gpt-oss", "kimi-k", "minimax-m", "qwen3p", "glm-5"],
        image_models: &["kimi-k", "minimax-m3", "qwen3p7"],
        ..HOSTED
    },
    Preset {
        name: "cerebras",
        base_url: "https://api.cerebras.ai/v1",
        base_url_variable: "CEREBRAS_BASE_URL",
        key_variable: "CEREBRAS_API_KEY",
        compat: Compat {
            max_tokens: MaxTokens::MaxCompletionTokens,
            replay: ReasoningReplay::Never,
            ..Compat::GENERIC
        },
        reasoning_models: &["gpt-oss", "gemma-4"],
        image_models: &["gemma-4"],
        ..HOSTED
    },
    Preset {
        name: "moonshot",
        base_url: "https://api.moonshot.ai/v1",
        base_url_variable: "MOONSHOT_BASE_URL",
        key_variable: "MOONSHOT_API_KEY",
        reasoning_models: &["kimi-k"],
        image_models: &["kimi-k"],
        ..HOSTED
    },
    Preset {
        name: "zai",
        base_url: "https://api.z.ai/api/paas/v4",
        base_url_variable: "ZAI_BASE_URL",
        key_variable: "ZAI_API_KEY",
        compat: Compat { thinking: ThinkingFormat::Zai, ..Compat::GENERIC },
        reasoning_models: &["glm-"],
        ..HOSTED
    },
    Preset {
        name: "ollama",
        base_url: "http://127.0.0.1:11434/v1",
        base_url_variable: "OLLAMA_HOST",
        key_variable: "OLLAMA_API_KEY",
        ..LOCAL
    },
    Preset {
        name: "lmstudio",
        base_url: "http://127.0.0.1:1234/v1",
        base_url_variable: "LMSTUDIO_BASE_URL",
        key_variable: "LMSTUDIO_API_KEY",
        ..LOCAL
    },
    Preset {
        name: "vllm",
        base_url: "http://127.0.0.1:8000/v1",
        base_url_variable: "VLLM_BASE_URL",
        key_variable: "VLLM_API_KEY",
        ..LOCAL
    },
    Preset {
        name: "llamacpp",
        base_url: "http://127.0.0.1:8080/v1",
        base_url_variable: "LLAMACPP_BASE_URL",
        key_variable: "LLAMA_API_KEY",
        ..LOCAL
    },
];
