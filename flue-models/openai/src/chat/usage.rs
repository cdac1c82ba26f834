//! What a chat reply says of its cost, in the neutral meaning.

use flue_core::model::{Cost, Usage as Neutral};

use super::ChatSpec;
use super::wire::Usage;

pub(super) fn neutral(usage: &Usage, spec: &ChatSpec) -> Neutral {
    let prompt = usage.prompt_tokens.or_zero();
    let completion = usage.completion_tokens.or_zero();
    let details = usage.prompt_tokens_details.0.clone().unwrap_or_default();
    let cached =
        details.cached_tokens.count().or(usage.prompt_cache_hit_tokens.count()).or(usage.cached_tokens.count());
    let cache_read = cached.unwrap_or(0);
    let cache_write = details.cache_write_tokens.or_zero();
    let reasoning = usage.completion_tokens_details.0.as_ref().map_or(0, |details| details.reasoning_tokens.or_zero());

    let mut neutral = Neutral::default();
    neutral.input = prompt.saturating_sub(cache_read).saturating_sub(cache_write);
    neutral.cache_read = cache_read;
    neutral.cache_write = cache_write;
    neutral.reasoning = reasoning;
    // xAI leaves reasoning out of the completion tokens; the total gives it away.
    let apart = prompt.saturating_add(completion).saturating_add(reasoning);
    neutral.output = match usage.total_tokens.count() {
        Some(total) if total == apart => completion.saturating_add(reasoning),
        _ => completion,
    };
    let reported = usage.cost.0.filter(|cost| spec.compat.reports_cost && *cost >= 0.0).map(Cost::reported);
    neutral.cost = reported.or_else(|| spec.info.price.as_ref().map(|price| price.cost(&neutral)));
    neutral
}
