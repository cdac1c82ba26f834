//! OpenAI's current models.
//!
//! Windows, limits and prices are as public model catalogues had them in 2026; they have not been checked against an
//! invoice. Where a long conversation costs more, from 272,000 tokens on, the window given is the one below that edge.
//! Models that have no price for cached input read it at the price of input.

use flue_core::model::{ModelInfo, Price, ThinkingLevel};

/// What is known of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    id: &'static str,
    context_window: u64,
    max_output: u64,
    /// Dollars for a million tokens: input, output, cache reads, cache writes.
    price: [f64; 4],
    images: bool,
    /// The reasoning efforts that it takes, least first; none for a model that does not reason.
    efforts: &'static [&'static str],
}

impl Known {
    pub(crate) fn describe(&self, info: &mut ModelInfo) {
        let [input, output, cache_read, cache_write] = self.price;
        info.context_window = Some(self.context_window);
        info.max_output = Some(self.max_output);
        info.price = Some(Price::new(input, output, cache_read, cache_write));
        info.images = self.images;
        info.reasoning = !self.efforts.is_empty();
    }
}

/// The efforts of a reasoning model of which nothing else is known.
pub(crate) const USUAL_EFFORTS: &[&str] = &["low", "medium", "high"];
const FROM_MINIMAL: &[&str] = &["minimal", "low", "medium", "high"];
const FROM_NONE: &[&str] = &["none", "low", "medium", "high"];
const NONE_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const MEDIUM_TO_XHIGH: &[&str] = &["medium", "high", "xhigh"];

const MODELS: &[Known] = &[
    reasoning("gpt-5.6-sol", 272_000, [5.0, 30.0, 0.5, 6.25], NONE_TO_XHIGH),
    reasoning("gpt-5.6-terra", 272_000, [2.5, 15.0, 0.25, 3.125], NONE_TO_XHIGH),
    reasoning("gpt-5.6-luna", 272_000, [1.0, 6.0, 0.1, 1.25], NONE_TO_XHIGH),
    reasoning("gpt-5.5", 272_000, [5.0, 30.0, 0.5, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.5-pro", 272_000, [30.0, 180.0, 30.0, 0.0], MEDIUM_TO_XHIGH),
    reasoning("gpt-5.4", 272_000, [2.5, 15.0, 0.25, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.4-pro", 272_000, [30.0, 180.0, 30.0, 0.0], MEDIUM_TO_XHIGH),
    reasoning("gpt-5.4-mini", 400_000, [0.75, 4.5, 0.075, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.4-nano", 400_000, [0.2, 1.25, 0.02, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.3-codex", 400_000, [1.75, 14.0, 0.175, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.2", 400_000, [1.75, 14.0, 0.175, 0.0], NONE_TO_XHIGH),
    reasoning("gpt-5.1", 400_000, [1.25, 10.0, 0.125, 0.0], FROM_NONE),
    reasoning("gpt-5", 400_000, [1.25, 10.0, 0.125, 0.0], FROM_MINIMAL),
    reasoning("gpt-5-mini", 400_000, [0.25, 2.0, 0.025, 0.0], FROM_MINIMAL),
    reasoning("gpt-5-nano", 400_000, [0.05, 0.4, 0.005, 0.0], FROM_MINIMAL),
    Known { max_output: 100_000, ..reasoning("o3", 200_000, [2.0, 8.0, 0.5, 0.0], USUAL_EFFORTS) },
    Known { max_output: 100_000, ..reasoning("o4-mini", 200_000, [1.1, 4.4, 0.275, 0.0], USUAL_EFFORTS) },
    plain("gpt-4.1", 1_047_576, 32_768, [2.0, 8.0, 0.5, 0.0]),
    plain("gpt-4.1-mini", 1_047_576, 32_768, [0.4, 1.6, 0.1, 0.0]),
    plain("gpt-4.1-nano", 1_047_576, 32_768, [0.1, 0.4, 0.025, 0.0]),
    plain("gpt-4o", 128_000, 16_384, [2.5, 10.0, 1.25, 0.0]),
    plain("gpt-4o-mini", 128_000, 16_384, [0.15, 0.6, 0.075, 0.0]),
];

const fn reasoning(id: &'static str, context_window: u64, price: [f64; 4], efforts: &'static [&'static str]) -> Known {
    Known { id, context_window, max_output: 128_000, price, images: true, efforts }
}

const fn plain(id: &'static str, context_window: u64, max_output: u64, price: [f64; 4]) -> Known {
    Known { id, context_window, max_output, price, images: true, efforts: &[] }
}

/// The model `id`, or the one that it is a dated snapshot of: `gpt-5.1-2025-11-13`.
pub(crate) fn find(id: &str) -> Option<&'static Known> {
    let known = |id: &str| MODELS.iter().find(|known| known.id == id);
    known(id).or_else(|| known(undated(id)?))
}

fn undated(id: &str) -> Option<&str> {
    const DATE: &str = "-2025-11-13";
    let (base, date) = id.split_at_checked(id.len().checked_sub(DATE.len())?)?;
    let alike = |(c, pattern): (char, char)| if pattern == '-' { c == '-' } else { c.is_ascii_digit() };
    date.chars().zip(DATE.chars()).all(alike).then_some(base)
}

/// The efforts of the model `id`.
pub(crate) fn efforts(id: &str) -> &'static [&'static str] {
    find(id).map_or(USUAL_EFFORTS, |known| known.efforts)
}

/// The effort that comes nearest to `level`: the least that is no less, else the most that there is.
pub(crate) fn effort(level: ThinkingLevel, efforts: &[&'static str]) -> Option<&'static str> {
    const RANKS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];
    let wanted = match level {
        ThinkingLevel::Off => "none",
        level => level.name(),
    };
    let rank = |name: &str| RANKS.iter().position(|known| *known == name);
    efforts.iter().copied().find(|effort| rank(effort) >= rank(wanted)).or_else(|| efforts.last().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_found_under_their_model_and_others_are_not() {
        assert_eq!(find("gpt-5.1-2025-11-13").unwrap().id, "gpt-5.1");
        assert_eq!(find("gpt-5-mini").unwrap().id, "gpt-5-mini");
        for id in ["gpt-6", "gpt-5.1-preview-11", "", "2025-11-13", "gpt-5é2025-11-13"] {
            assert!(find(id).is_none(), "{id}");
        }
    }

    #[test]
    fn the_nearest_effort_is_asked_for() {
        use ThinkingLevel::{High, Minimal, Off, Xhigh};
        for (id, level, expected) in [
            ("gpt-5.5", Off, "none"),
            ("gpt-5", Off, "minimal"),
            ("o3", Off, "low"),
            ("gpt-5.5", Minimal, "low"),
            ("gpt-5.5", Xhigh, "xhigh"),
            ("gpt-5.1", Xhigh, "high"),
            ("gpt-5.5-pro", Off, "medium"),
            ("somebody-elses", High, "high"),
        ] {
            assert_eq!(effort(level, efforts(id)), Some(expected), "{id} {level}");
        }
        assert_eq!(effort(High, efforts("gpt-4.1")), None);
    }
}
