//! How Claude is told to think, by whoever serves it.

use flue_core::model::{ModelRequest, ThinkingLevel, ToolChoice};
use serde::Deserialize;

use crate::Entry;

/// The longest answer asked for when nobody says: long enough for a big file, short enough not to run away.
pub const DEFAULT_MAX_TOKENS: u64 = 32_000;

/// The least that the protocol takes as a budget, and the least that is left for the answer.
const MIN_TOKENS: u64 = 1024;

/// Lets a model that thinks by budget think between tool calls too.
pub const INTERLEAVED_THINKING: &str = "interleaved-thinking-2025-05-14";

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThinkingStyle {
    /// Not at all: it does not think, or nothing is known of how.
    Never,
    /// By a number of tokens: models before Claude 4.6.
    Budget,
    /// By an effort, the model choosing how much that is: Claude 4.6 and later.
    Adaptive {
        /// Whether it has the effort `xhigh` above `high`.
        xhigh: bool,
        /// Whether it has the effort `max` above them all.
        max: bool,
        /// Whether it can be told not to think. One that cannot is given the least effort.
        can_stop: bool,
    },
}

/// What a catalogue says of a Claude beside its limits and prices.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Compat {
    /// Whether it thinks by effort.
    adaptive: bool,
}

impl ThinkingStyle {
    /// That of a Claude of tomorrow: the efforts that all have.
    pub const UNKNOWN: Self = Self::Adaptive { xhigh: false, max: false, can_stop: false };

    /// That of a Claude in a catalogue.
    pub fn of(entry: &Entry) -> Self {
        let levels = entry.levels();
        let has = |level| levels.iter().any(|(known, _)| *known == level);
        match (entry.reasoning, entry.compat::<Compat>().adaptive) {
            (false, _) => Self::Never,
            (true, false) => Self::Budget,
            (true, true) => Self::Adaptive {
                xhigh: has(ThinkingLevel::Xhigh),
                max: has(ThinkingLevel::Max),
                can_stop: has(ThinkingLevel::Off),
            },
        }
    }
}

/// What a request says about thinking and length.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thinking {
    /// The longest answer, thinking included.
    pub max_tokens: u64,
    /// The field `thinking`.
    pub thinking: Option<String>,
    /// The field `output_config.effort`.
    pub effort: Option<&'static str>,
    /// Whether it thinks by a budget.
    pub by_budget: bool,
}

impl Thinking {
    /// For `request` to a model of this style, which answers in at most `max_output` tokens.
    pub fn of(style: ThinkingStyle, max_output: Option<u64>, request: &ModelRequest) -> Self {
        let most = max_output.unwrap_or(u64::MAX);
        let max_tokens = request.max_output.unwrap_or(DEFAULT_MAX_TOKENS).clamp(1, most.max(1));
        let plain = Self { max_tokens, thinking: None, effort: None, by_budget: false };
        // The protocol refuses a forced tool call with thinking.
        let forced = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
        let level = if forced { ThinkingLevel::Off } else { request.thinking };
        match style {
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
            ThinkingStyle::Adaptive { xhigh, max, .. } => Self {
                // Said because some models show nothing of it by default.
                thinking: Some(r#"{"type":"adaptive","display":"summarized"}"#.to_owned()),
                effort: Some(effort(level, xhigh, max)),
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

fn effort(level: ThinkingLevel, xhigh: bool, max: bool) -> &'static str {
    match level {
        ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
        ThinkingLevel::Medium => "medium",
        ThinkingLevel::Max if max => "max",
        ThinkingLevel::Xhigh | ThinkingLevel::Max if xhigh => "xhigh",
        _ => "high",
    }
}
