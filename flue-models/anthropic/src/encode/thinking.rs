//! How hard to think, in the words that the model takes.

use flue_core::model::{ModelRequest, ThinkingLevel, ToolChoice};

use crate::{Messages, ThinkingStyle};

/// The longest answer asked for when nobody says: long enough for a big file, short enough not to run away.
const DEFAULT_MAX_TOKENS: u64 = 32_000;

/// The least that the protocol takes as a budget, and the least that is left for the answer.
const MIN_TOKENS: u64 = 1024;

pub(super) struct Thinking {
    /// The longest answer, thinking included.
    pub(super) max_tokens: u64,
    /// The field `thinking`.
    pub(super) thinking: Option<String>,
    /// The field `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// Whether it thinks by a budget.
    pub(super) by_budget: bool,
}

impl Thinking {
    pub(super) fn of(codec: &Messages, request: &ModelRequest) -> Self {
        let most = codec.info.max_output.unwrap_or(u64::MAX);
        let max_tokens = request.max_output.unwrap_or(DEFAULT_MAX_TOKENS).clamp(1, most.max(1));
        let plain = Self { max_tokens, thinking: None, effort: None, by_budget: false };
        // The protocol refuses a forced tool call with thinking.
        let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
        let level = if forced { ThinkingLevel::Off } else { request.thinking };
        match codec.thinking {
            ThinkingStyle::Never => plain,
            ThinkingStyle::Budget => match budget(level) {
                Some(budget) => {
                    let max_tokens = max_tokens.saturating_add(budget).min(most);
                    let budget = budget.min(max_tokens.saturating_sub(MIN_TOKENS));
                    if budget < MIN_TOKENS {
                        return plain;
                    }
                    let thinking = Some(format!(r#"{{"type":"enabled","budget_tokens":{budget}}}"#));
                    Self { max_tokens, thinking, effort: None, by_budget: true }
                }
                None => plain,
            },
            ThinkingStyle::Adaptive { can_stop: true, .. } if level == ThinkingLevel::Off => {
                Self { thinking: Some(r#"{"type":"disabled"}"#.to_owned()), ..plain }
            }
            ThinkingStyle::Adaptive { .. } if level == ThinkingLevel::Off => Self { effort: Some("low"), ..plain },
            ThinkingStyle::Adaptive { xhigh, .. } => Self {
                // Said because some models show nothing of it by default.
                thinking: Some(r#"{"type":"adaptive","display":"summarized"}"#.to_owned()),
                effort: Some(effort(level, xhigh)),
                ..plain
            },
        }
    }
}

fn budget(level: ThinkingLevel) -> Option<u64> {
    match level {
        ThinkingLevel::Off => None,
        ThinkingLevel::Minimal => Some(1024),
        ThinkingLevel::Low => Some(2048),
        ThinkingLevel::Medium => Some(8192),
        _ => Some(16_384),
    }
}

fn effort(level: ThinkingLevel, xhigh: bool) -> &'static str {
    match level {
        ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
        ThinkingLevel::Medium => "medium",
        ThinkingLevel::Xhigh if xhigh => "xhigh",
        _ => "high",
    }
}
