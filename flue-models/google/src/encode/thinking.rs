//! How hard to think and how much to say, in the words that the model takes.

use flue_core::model::{ModelRequest, ThinkingLevel};
use flue_models_kit::json::Object;

use crate::{Gemini, ThinkingStyle};

/// The field `generationConfig`.
pub(super) struct Thinking {
    /// The longest answer, thinking included.
    max_output: Option<u64>,
    /// The field `thinkingConfig`.
    config: Option<String>,
}

impl Thinking {
    pub(super) fn of(codec: &Gemini, request: &ModelRequest) -> Self {
        let most = codec.info.max_output.unwrap_or(u64::MAX).max(1);
        let max_output = request.max_output.map(|wanted| wanted.clamp(1, most));
        let level = request.thinking;
        match &codec.thinking {
            ThinkingStyle::Never => Self { max_output, config: None },
            ThinkingStyle::Budget { least, most: most_thinking } => {
                let budget = budget(level, *most_thinking).max(*least);
                // Thinking counts as output: the answer keeps the room that was asked for it.
                let max_output = max_output.map(|wanted| wanted.saturating_add(budget).min(most));
                let shown = if level == ThinkingLevel::Off { "" } else { r#""includeThoughts":true,"# };
                Self { max_output, config: Some(format!(r#"{{{shown}"thinkingBudget":{budget}}}"#)) }
            }
            ThinkingStyle::Levels(levels) => {
                // The nearest level: the least that is no less, else the most that there is.
                let word = levels.iter().find(|(known, _)| *known >= level).or(levels.last()).map(|(_, word)| word);
                let shown = if level == ThinkingLevel::Off { "" } else { r#""includeThoughts":true,"# };
                let config = word.map(|word| format!(r#"{{{shown}"thinkingLevel":"{word}"}}"#));
                Self { max_output, config }
            }
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        if let Some(tokens) = self.max_output {
            object = object.number("maxOutputTokens", tokens);
        }
        if let Some(config) = &self.config {
            object = object.raw("thinkingConfig", config);
        }
        object.end();
    }
}

fn budget(level: ThinkingLevel, most: u64) -> u64 {
    let wanted = match level {
        ThinkingLevel::Off => 0,
        // The least that every model takes, `flash-lite` being the one that takes no less.
        ThinkingLevel::Minimal => 512,
        ThinkingLevel::Low => 2048,
        ThinkingLevel::Medium => 8192,
        _ => most,
    };
    wanted.min(most)
}
