//! The words by which providers tell their failures, as data.

use std::sync::LazyLock;

use flue_core::{ErrorKind, Retry};
use regex::RegexSet;

/// Codes that say: the conversation is longer than the context window.
pub(super) const OVERFLOW_CODES: &[&str] =
    &["context_length_exceeded", "request_too_large", "exceed_context_size_error", "model_context_window_exceeded"];

/// Codes that say: no credit is left, and waiting does not bring it back.
pub(super) const QUOTA_CODES: &[&str] =
    &["insufficient_quota", "billing_error", "billing_hard_limit_reached", "GoUsageLimitError", "FreeUsageLimitError"];

/// Codes of errors inside a stream, where there is no status to go by.
pub(super) const STREAM_CODES: &[(&str, ErrorKind, Retry)] = &[
    ("overloaded_error", ErrorKind::Unavailable, Retry::Backoff),
    ("api_error", ErrorKind::Unavailable, Retry::Backoff),
    ("timeout_error", ErrorKind::Unavailable, Retry::Backoff),
    ("server_error", ErrorKind::Unavailable, Retry::Backoff),
    ("internal_server_error", ErrorKind::Unavailable, Retry::Backoff),
    ("rate_limit_error", ErrorKind::RateLimited, Retry::Backoff),
    ("rate_limit_exceeded", ErrorKind::RateLimited, Retry::Backoff),
    ("authentication_error", ErrorKind::Authentication, Retry::Never),
    ("permission_error", ErrorKind::Authentication, Retry::Never),
    ("not_found_error", ErrorKind::NotFound, Retry::Never),
    ("invalid_request_error", ErrorKind::InvalidInput, Retry::Never),
    ("invalid_prompt", ErrorKind::InvalidInput, Retry::Never),
    ("throttlingException", ErrorKind::RateLimited, Retry::Backoff),
    ("internalServerException", ErrorKind::Unavailable, Retry::Backoff),
    ("modelStreamErrorException", ErrorKind::Unavailable, Retry::Backoff),
    ("modelTimeoutException", ErrorKind::Unavailable, Retry::Backoff),
    ("serviceUnavailableException", ErrorKind::Unavailable, Retry::Backoff),
    ("validationException", ErrorKind::InvalidInput, Retry::Never),
];

/// Codes that say: too many tokens in too short a time, whatever the text sounds like.
pub(super) const RATE_CODES: &[&str] =
    &["throttlingException", "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"];

/// How servers say that a conversation is too long; beside each, who says so.
const OVERFLOW: &[&str] = &[
    r"prompt (?:is )?too long",                                            // Anthropic, z.ai
    r"prompt exceeds max length",                                          // z.ai
    r"request_too_large",                                                  // Anthropic, relayed
    r"input is too long for requested model",                              // Bedrock
    r"exceeds the context window",                                         // OpenAI
    r"exceeds (?:the )?(?:model'?s )?maximum context length",              // LiteLLM
    r"context window exceeded",                                            // LiteLLM, before it asks anybody
    r"input token count.*exceeds the maximum",                             // Gemini
    r"maximum prompt length is \d+",                                       // xAI
    r"reduce the length of the messages",                                  // Groq
    r"maximum context length is \d+ tokens",                               // OpenRouter, vLLM
    r"exceeds (?:the )?maximum allowed input length of [\d,]+ tokens?",    // Poolside
    r"input \(\d+ tokens\) is longer than the model'?s context length",    // Together
    r"exceeds the limit of \d+",                                           // GitHub Copilot
    r"exceeds the available context size",                                 // llama.cpp
    r"greater than the context length",                                    // LM Studio
    r"context window exceeds limit",                                       // MiniMax
    r"exceeded model token limit",                                         // Kimi
    r"too large for model with \d+ maximum context length",                // Mistral
    r"prompt has [\d,]+ tokens?, but the configured context size is",      // DS4
    r"model_context_window_exceeded",                                      // z.ai
    r"prompt too long; exceeded (?:max )?context length",                  // Ollama
    r"range of input length should be",                                    // DashScope
    r"context[_ ]length[_ ]exceeded|too many tokens|token limit exceeded", // anyone
];

/// What looks like an overflow and is throttling: Bedrock's "ThrottlingException: Too many tokens".
const THROTTLING: &[&str] = &[r"^throttling", r"^service unavailable", r"rate limit", r"too many requests"];

/// How servers say that an account is empty without a code for it.
const QUOTA: &[&str] = &[
    r"credit balance is too low", // Anthropic, as a 400
    r"available balance",
    r"insufficient[_ ]quota",
    r"insufficient credits", // OpenRouter
    r"out of budget",
    r"quota exceeded",
    r"exceeded your current quota", // OpenAI, Gemini
    r"monthly usage limit reached",
];

/// How a failure that passes is told in the text of a relayed error. Numbers count only as whole words: a `500` is also
/// a part of request ids and byte counts.
const TRANSIENT: &[&str] = &[
    r"overloaded|rate.?limit|throttl|too many requests|service.?unavailable|server.?error|internal.?error",
    r"(?:^|[^a-z0-9])(?:429|500|502|503|504|520|524|529)(?:[^a-z0-9]|$)",
    r"provider.?returned.?error|network.?error|upstream.?connect|upstream_stream_read_error|reset before headers",
    r"connection.?(?:error|refused|lost|reset)|socket hang up|other side closed|stream was interrupted",
    r"timed? ?out|timeout|terminated|ended without|stream ended before",
    r"server_busy|currently experiencing high demand|at capacity|resource ?exhausted",
    r"retry delay|(?:you can|please) retry|try (?:your request )?again",
];

pub(super) fn is_overflow_text(text: &str) -> bool {
    static SETS: LazyLock<(Option<RegexSet>, Option<RegexSet>)> =
        LazyLock::new(|| (compile(OVERFLOW), compile(THROTTLING)));
    matches(&SETS.0, text) && !matches(&SETS.1, text)
}

pub(super) fn is_quota_text(text: &str) -> bool {
    static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| compile(QUOTA));
    matches(&SET, text)
}

pub(super) fn is_transient_text(text: &str) -> bool {
    static SET: LazyLock<Option<RegexSet>> = LazyLock::new(|| compile(TRANSIENT));
    matches(&SET, text)
}

fn compile(patterns: &[&str]) -> Option<RegexSet> {
    RegexSet::new(patterns.iter().map(|pattern| format!("(?i){pattern}"))).ok()
}

fn matches(set: &Option<RegexSet>, text: &str) -> bool {
    set.as_ref().is_some_and(|set| set.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for patterns in [OVERFLOW, THROTTLING, QUOTA, TRANSIENT] {
            assert!(compile(patterns).is_some());
        }
    }
}
