//! `flue models --provider`: what is known of the models of one provider.

use flue_core::model::{Price, ThinkingLevel};
use flue_models::{KnownModel, KnownModels};
use serde::Serialize;
use serde_json::Value;

/// The width of the column with the ids. A longer id has a line of its own.
const ID_COLUMNS: usize = 26;
/// What marks prices that are higher for long conversations.
const TIERED: &str = "+";

/// A model as `--json` shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    /// What `--model` takes.
    model: String,
    name: &'a str,
    context_window: Option<u64>,
    max_output: Option<u64>,
    images: bool,
    reasoning: bool,
    thinking: Vec<ThinkingLevel>,
    /// In US dollars for a million tokens.
    price: Option<ShownPrice>,
    compat: Option<Value>,
}

#[derive(Serialize)]
struct ShownPrice {
    input: f64,
    output: f64,
    cache_read: f64,
    cache_write: f64,
    /// What counts for a request with more input than so many tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tiers: Vec<ShownTier>,
}

#[derive(Serialize)]
struct ShownTier {
    above: u64,
    #[serde(flatten)]
    price: ShownPrice,
}

impl From<&Price> for ShownPrice {
    fn from(price: &Price) -> Self {
        let tier = |tier: &flue_core::model::PriceTier| ShownTier { above: tier.above, price: Self::from(&tier.price) };
        let Price { input, output, cache_read, cache_write, .. } = *price;
        Self { input, output, cache_read, cache_write, tiers: price.tiers.iter().map(tier).collect() }
    }
}

/// The models as `--json` shows them.
pub(super) fn shown<'a>(provider: &str, known: &'a KnownModels) -> Vec<Shown<'a>> {
    let shown = |model: &'a KnownModel| Shown {
        model: format!("{provider}/{}", model.id),
        name: &model.name,
        context_window: model.context_window,
        max_output: model.max_output,
        images: model.images,
        reasoning: model.reasoning,
        thinking: model.thinking.clone(),
        price: model.price.as_ref().map(ShownPrice::from),
        compat: model.compat.as_deref().and_then(|json| serde_json::from_str(json).ok()),
    };
    known.models.iter().map(shown).collect()
}

/// The models as a table of at most 80 columns. Where they are `fixed`, there are no others.
pub(super) fn table(provider: &str, known: &KnownModels, fixed: bool) -> String {
    if known.models.is_empty() {
        return format!(
            "Nothing is known beforehand of the models of {provider}. It opens any, as\n\
             {provider}/MODEL; which there are, the server knows.\n"
        );
    }
    if fixed {
        let models: String = known.models.iter().map(|model| format!("{:12} {}\n", model.id, model.name)).collect();
        return format!("{models}\nA model is named {provider}/MODEL. There are no others; none takes a key.\n");
    }
    let mut text = row(&["MODEL", "CONTEXT", "OUTPUT", "IN $", "OUT $", "IMG", "THINKING"].map(str::to_owned));
    for model in &known.models {
        text.push_str(&row(&cells(model)));
    }
    text.push_str(&format!(
        "\nA model is named {provider}/MODEL; one that is not listed opens too.\n\
         Tokens, and dollars for a million of them; {TIERED} is more for long conversations.\n\
         --json has the prices of the cache, those tiers, and the rest."
    ));
    if let Some(date) = &known.as_of {
        text.push_str(&format!("\nAs of {date}."));
    }
    text.push('\n');
    text
}

fn cells(model: &KnownModel) -> [String; 7] {
    let none = || "-".to_owned();
    let tokens = |count: Option<u64>| count.map_or_else(none, tokens);
    let price = |of: fn(&Price) -> f64| {
        model.price.as_ref().map_or_else(none, |price| {
            let mark = if price.tiers.is_empty() { "" } else { TIERED };
            format!("{}{mark}", dollars(of(price)))
        })
    };
    [
        model.id.clone(),
        tokens(model.context_window),
        tokens(model.max_output),
        price(|price| price.input),
        price(|price| price.output),
        if model.images { "yes" } else { "-" }.to_owned(),
        levels(&model.thinking),
    ]
}

fn row([id, context, output, input, out, images, thinking]: &[String; 7]) -> String {
    let wrapped = if id.chars().count() > ID_COLUMNS { format!("\n{:ID_COLUMNS$}", "") } else { String::new() };
    let line = format!("{id:ID_COLUMNS$}{wrapped} {context:>7} {output:>6} {input:>6} {out:>6} {images:<3} {thinking}");
    format!("{}\n", line.trim_end())
}

/// `200k`, `1M`, `1.05M`: to three digits, as these numbers are rounded anyway.
fn tokens(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
    let count = count as f64;
    match count {
        count if count >= 999_500.0 => format!("{}M", short(count / 1e6, 2)),
        count if count >= 1000.0 => format!("{}k", short(count / 1e3, 0)),
        count => short(count, 0),
    }
}

/// As many digits as a price needs, up to five characters.
fn dollars(price: f64) -> String {
    let digits = if price >= 100.0 {
        1
    } else if price >= 10.0 {
        2
    } else {
        3
    };
    short(price, digits)
}

/// With at most so many digits after the point, and none that says nothing.
fn short(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The levels of thinking, neighbours as a range: `off low-max`.
fn levels(levels: &[ThinkingLevel]) -> String {
    let place = |level: ThinkingLevel| ThinkingLevel::ALL.iter().position(|known| *known == level);
    let mut runs: Vec<(ThinkingLevel, ThinkingLevel)> = Vec::new();
    for level in levels {
        match runs.last_mut() {
            Some((_, last)) if place(*last).map(|place| place + 1) == place(*level) => *last = *level,
            _ => runs.push((*level, *level)),
        }
    }
    let run = |(first, last): &(ThinkingLevel, ThinkingLevel)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    if runs.is_empty() { "-".to_owned() } else { runs.iter().map(run).collect::<Vec<_>>().join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let counts = [500, 8192, 200_000, 999_600, 1_000_000, 1_048_576].map(tokens);
        assert_eq!(counts, ["500", "8k", "200k", "1M", "1M", "1.05M"]);
        assert_eq!([0.0, 0.035, 2.5, 10.0, 112.55].map(dollars), ["0", "0.035", "2.5", "10", "112.5"]);
    }

    #[test]
    fn neighbouring_levels_are_a_range() {
        use ThinkingLevel::{High, Low, Max, Medium, Off, Xhigh};
        assert_eq!(levels(&[]), "-");
        assert_eq!(levels(&[Off]), "off");
        assert_eq!(levels(&[Off, Low, Medium, High, Max]), "off low-high max");
        assert_eq!(levels(&[High, Xhigh, Max]), "high-max");
    }
}
