//! What is known of the models of these servers without asking.
//!
//! Where a long conversation costs more, the window given for some of OpenAI's models is the one below that edge.

use flue_core::model::ThinkingLevel;
use flue_models_kit::{Catalog, Entry};
use serde::Deserialize;

use crate::compat::{Compat, ReasoningReplay, ThinkingFormat};

/// The models of OpenAI and of the servers in [`PRESETS`](crate::PRESETS), under their names.
pub const CATALOG: Catalog = Catalog::new(include_str!("catalog.jsonl"));

/// The reasoning efforts that a model takes, least first, each with the word for it.
pub type Efforts = Vec<(ThinkingLevel, String)>;

/// The model `id` of `provider`, or the one that it is a dated snapshot of: `gpt-5.1-2025-11-13`.
pub(crate) fn find(provider: &str, id: &str) -> Option<Entry> {
    let provider = if provider == "openai-chat" { "openai" } else { provider };
    CATALOG.find(provider, id).or_else(|| CATALOG.find(provider, undated(id)?))
}

fn undated(id: &str) -> Option<&str> {
    const DATE: &str = "-2025-11-13";
    let (base, date) = id.split_at_checked(id.len().checked_sub(DATE.len())?)?;
    let alike = |(c, pattern): (char, char)| if pattern == '-' { c == '-' } else { c.is_ascii_digit() };
    date.chars().zip(DATE.chars()).all(alike).then_some(base)
}

/// The efforts of the model `id` of `provider`; those that nearly all take, where nothing is known.
pub(crate) fn efforts(provider: &str, id: &str) -> Efforts {
    match find(provider, id) {
        Some(entry) if !entry.reasoning => Vec::new(),
        Some(entry) if entry.lists_levels() => efforts_of(&entry),
        _ => [ThinkingLevel::Low, ThinkingLevel::Medium, ThinkingLevel::High]
            .map(|level| (level, level.name().to_owned()))
            .into(),
    }
}

/// The efforts of a model whose levels are listed. No effort is called `off`: where the table has no word for it, the
/// model cannot be told not to think.
pub fn efforts_of(entry: &Entry) -> Efforts {
    let levels = entry.levels().into_iter().filter(|(level, word)| *level != ThinkingLevel::Off || *word != "off");
    levels.map(|(level, word)| (level, word.to_owned())).collect()
}

/// The effort that comes nearest to `level`: the least that is no less, else the most that there is.
pub(crate) fn effort(level: ThinkingLevel, efforts: &Efforts) -> Option<&str> {
    efforts.iter().find(|(known, _)| *known >= level).or(efforts.last()).map(|(_, word)| word.as_str())
}

/// How a model differs from the other models of its server.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Differences {
    thinking: Option<String>,
    reasoning_effort: Option<bool>,
    reasoning_content: bool,
}

/// The dialect of `server` as the model `id` of `provider` wants it.
pub(crate) fn refine(server: Compat, provider: &str, id: &str) -> Compat {
    let mut compat = server;
    let Some(entry) = find(provider, id) else { return compat };
    let said: Differences = entry.compat();
    match said.thinking.as_deref() {
        Some("openai") => compat.thinking = ThinkingFormat::Effort,
        Some("deepseek") => compat.thinking = ThinkingFormat::DeepSeek,
        Some("together") => compat.thinking = ThinkingFormat::Together,
        Some("zai") => compat.thinking = ThinkingFormat::Zai,
        _ => {}
    }
    if said.reasoning_effort == Some(false) && compat.thinking == ThinkingFormat::Effort {
        compat.thinking = ThinkingFormat::None;
    }
    if said.reasoning_content && compat.replay == ReasoningReplay::SameField {
        compat.replay = ReasoningReplay::Always;
    }
    compat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_found_under_their_model_and_others_are_not() {
        let find = |id| find("openai", id).map(|entry| entry.id);
        assert_eq!(find("gpt-5.1-2025-11-13").as_deref(), Some("gpt-5.1"));
        assert_eq!(find("gpt-5-mini").as_deref(), Some("gpt-5-mini"));
        for id in ["gpt-none", "gpt-5.1-preview-11", "", "2025-11-13", "gpt-5é2025-11-13"] {
            assert!(find(id).is_none(), "{id}");
        }
    }

    #[test]
    fn the_nearest_effort_is_asked_for() {
        use ThinkingLevel::{High, Minimal, Off, Xhigh};
        for (provider, id, level, expected) in [
            ("openai", "gpt-5.5", Off, "none"),
            ("openai-chat", "gpt-5", Off, "minimal"),
            ("openai", "o3", Off, "low"),
            ("openai", "gpt-5.5", Minimal, "low"),
            ("openai", "gpt-5.5", Xhigh, "xhigh"),
            ("openai", "gpt-5.1", Xhigh, "high"),
            ("openai", "gpt-5.5-pro", Off, "medium"),
            ("groq", "qwen/qwen3.6-27b", Minimal, "default"),
            ("openai", "somebody-elses", High, "high"),
        ] {
            assert_eq!(effort(level, &efforts(provider, id)), Some(expected), "{id} {level}");
        }
        assert_eq!(effort(High, &efforts("openai", "gpt-4.1")), None);
    }

    #[test]
    fn a_model_may_differ_from_its_server() {
        let refined = |provider, id| {
            let compat = refine(Compat::GENERIC, provider, id);
            (compat.thinking, compat.replay)
        };
        assert_eq!(refined("moonshot", "kimi-k2.6"), (ThinkingFormat::DeepSeek, ReasoningReplay::SameField));
        assert_eq!(refined("moonshot", "kimi-k3"), (ThinkingFormat::Effort, ReasoningReplay::Always));
        assert_eq!(refined("zai", "glm-5.2"), (ThinkingFormat::Zai, ReasoningReplay::SameField));
        assert_eq!(refined("zai", "unknown"), (ThinkingFormat::Effort, ReasoningReplay::SameField));
    }
}
