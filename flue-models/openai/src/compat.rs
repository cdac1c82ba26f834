//! What a server that speaks Chat Completions takes and leaves out.

/// The dialect of a server. Many answer 400 to fields that they do not know, so the fewest are the safest.
///
/// Made from [`Compat::GENERIC`] or a preset's, changed field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Compat {
    /// Takes `store: false`.
    pub store: bool,
    /// Takes the system prompt in the role `developer`; else in the role `system`.
    pub developer_role: bool,
    /// Takes `stream_options: {include_usage: true}`. Without it some servers send usage anyway.
    pub stream_usage: bool,
    /// Sends a `finish_reason`: a stream without one was cut off. Where false, the end of the stream is taken for the
    /// end of the turn, and a cut stream cannot be told from a whole one.
    pub finish_reason: bool,
    /// The name of the output limit.
    pub max_tokens: MaxTokens,
    /// Wants the tool's name in its result.
    pub tool_result_name: bool,
    /// Refuses a user's message directly after tool results: an assistant's is put between.
    pub assistant_after_tool_result: bool,
    /// Refuses `content: null` beside tool calls.
    pub content_with_calls: bool,
    /// Wants `tools`, even empty, when the conversation has tool calls.
    pub tools_with_tool_history: bool,
    /// How thinking is asked for.
    pub thinking: ThinkingFormat,
    /// How the model's own reasoning is sent back to it.
    pub replay: ReasoningReplay,
    /// The longest and shortest tool call ids.
    pub ids: ToolIds,
    /// How the prompt cache is found again.
    pub cache: PromptCache,
    /// Reports what a turn cost, in US dollars, in `usage.cost`.
    pub reports_cost: bool,
}

impl Compat {
    /// For a server of which nothing is known.
    pub const GENERIC: Self = Self {
        store: false,
        developer_role: false,
        stream_usage: true,
        finish_reason: true,
        max_tokens: MaxTokens::MaxTokens,
        tool_result_name: false,
        assistant_after_tool_result: false,
        content_with_calls: false,
        tools_with_tool_history: false,
        thinking: ThinkingFormat::Effort,
        replay: ReasoningReplay::SameField,
        ids: ToolIds::Openai,
        cache: PromptCache::None,
        reports_cost: false,
    };

    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        store: true,
        developer_role: true,
        max_tokens: MaxTokens::MaxCompletionTokens,
        cache: PromptCache::Key,
        ..Self::GENERIC
    };
}

impl Default for Compat {
    fn default() -> Self {
        Self::GENERIC
    }
}

/// The field of the output limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MaxTokens {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How a server is asked to think. Asked only of models that are known to reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThinkingFormat {
    /// It cannot be asked.
    None,
    /// `reasoning_effort: "low"`.
    Effort,
    /// OpenRouter's `reasoning: {effort: "low"}`.
    OpenRouter,
    /// DeepSeek's `thinking: {type: "enabled"}`, with `reasoning_effort` `high` or `max`.
    DeepSeek,
    /// Together's `reasoning: {enabled: true}`.
    Together,
    /// Z.ai's `thinking: {type: "enabled", clear_thinking: false}`.
    Zai,
    /// Qwen's `enable_thinking: true`.
    EnableThinking,
    /// `chat_template_kwargs: {enable_thinking: true}`, as vLLM, SGLang and llama.cpp hand it to a Qwen template.
    ChatTemplate,
}

/// How reasoning goes back to the model that made it. To another model it never goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReasoningReplay {
    /// Not at all: the server refuses the field (Groq, Mistral).
    Never,
    /// Under the name that it came in.
    SameField,
    /// As [`ReasoningReplay::SameField`], and `reasoning_content: ""` where there was none (DeepSeek, Kimi).
    Always,
    /// As text before the answer.
    Text,
}

/// What tool call ids a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolIds {
    /// At most 40 letters, digits, `_` and `-`.
    Openai,
    /// Exactly nine letters and digits.
    Mistral,
}

/// How a server finds the cached prompt of a session again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PromptCache {
    /// By the prompt alone.
    None,
    /// By `prompt_cache_key`.
    Key,
    /// By OpenRouter's `session_id`; and for Anthropic's models with its `cache_control`, without which they cache nothing.
    OpenRouter,
}
