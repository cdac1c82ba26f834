//! What is known of models without asking, as data that comes with each provider's crate.

use std::collections::BTreeMap;

use flue_core::model::{ModelInfo, Price, PriceTier, ThinkingLevel};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A table of models: JSON objects, one a line, the first of which tells where the others come from. Written by
/// `cargo xtask codegen catalog`.
///
/// It is text until somebody asks: looking a model up reads the lines of its provider and parses one.
#[derive(Debug, Clone, Copy)]
pub struct Catalog(&'static str);

/// Where a catalogue comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct CatalogSource {
    /// The package.
    pub source: String,
    /// Its version.
    pub version: String,
    /// When its data was made: `2026-11-10`.
    pub generated: String,
    /// The SPDX name of its licence.
    pub license: String,
    /// Who holds the copyright.
    pub copyright: String,
}

/// What is known of one model.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// The provider's name here: `bedrock`.
    pub provider: String,
    /// The model's id, as the provider takes it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The most tokens that a request and its answer may have.
    #[serde(default)]
    pub context: Option<u64>,
    /// The most tokens that an answer may have.
    #[serde(default)]
    pub output: Option<u64>,
    /// Whether it takes images.
    #[serde(default)]
    pub images: bool,
    /// Whether it reasons.
    #[serde(default)]
    pub reasoning: bool,
    /// The word for each thinking level; `null` for one that it does not have. A level that is not listed goes by its own
    /// name, except that `xhigh` and `max` are had by those alone that
    /// list them.
    #[serde(default)]
    levels: BTreeMap<String, Option<String>>,
    /// Dollars for a million tokens: input, output, cache reads, cache writes.
    #[serde(default)]
    price: Option<[f64; 4]>,
    /// The same for long conversations, after the tokens above which they hold.
    #[serde(default)]
    tiers: Vec<(u64, [f64; 4])>,
    /// What else its provider's codec has to know, as JSON.
    #[serde(default)]
    pub compat: Option<Box<RawValue>>,
}

impl Catalog {
    /// The table of these lines.
    pub const fn new(lines: &'static str) -> Self {
        Self(lines)
    }

    /// Where it comes from; `None` for a table that does not say.
    pub fn source(&self) -> Option<CatalogSource> {
        serde_json::from_str(self.0.lines().next()?).ok()
    }

    /// The model `id` of `provider`.
    pub fn find(&self, provider: &str, id: &str) -> Option<Entry> {
        let head = format!("{},", head(provider, Some(id)));
        self.0.lines().find(|line| line.starts_with(&head)).and_then(|line| serde_json::from_str(line).ok())
    }

    /// The models of `provider`, by id.
    pub fn entries(&self, provider: &str) -> impl Iterator<Item = Entry> + use<> {
        let head = head(provider, None);
        self.0.lines().filter(move |line| line.starts_with(&head)).filter_map(|line| serde_json::from_str(line).ok())
    }
}

/// How the line of a model begins.
fn head(provider: &str, id: Option<&str>) -> String {
    let mut head = Vec::from(br#"{"provider":"#);
    crate::json::escape(&mut head, provider);
    if let Some(id) = id {
        head.extend_from_slice(br#","id":"#);
        crate::json::escape(&mut head, id);
    }
    String::from_utf8(head).unwrap_or_default()
}

impl Entry {
    /// Writes what is known into `info`.
    pub fn describe(&self, info: &mut ModelInfo) {
        info.context_window = self.context;
        info.max_output = self.output;
        info.images = self.images;
        info.reasoning = self.reasoning;
        info.price = self.price();
    }

    /// What tokens cost.
    pub fn price(&self) -> Option<Price> {
        let of = |[input, output, read, write]: [f64; 4]| Price::new(input, output, read, write);
        let tiers = self.tiers.iter().map(|(above, price)| PriceTier::new(*above, of(*price)));
        Some(of(self.price?).with_tiers(tiers.collect()))
    }

    /// The thinking levels that it has, least first, each with the provider's word for it.
    pub fn levels(&self) -> Vec<(ThinkingLevel, &str)> {
        let has = |level: &ThinkingLevel| match self.levels.get(level.name()) {
            Some(word) => word.as_deref().map(|word| (*level, word)),
            None => (*level < ThinkingLevel::Xhigh).then(|| (*level, level.name())),
        };
        if self.reasoning { ThinkingLevel::ALL.iter().filter_map(has).collect() } else { Vec::new() }
    }

    /// Whether its thinking levels are listed one by one.
    pub fn lists_levels(&self) -> bool {
        !self.levels.is_empty()
    }

    /// What its provider's codec has to know beside the rest; the default where nothing is said, or nothing that `T` takes.
    pub fn compat<'a, T: Deserialize<'a> + Default>(&'a self) -> T {
        self.compat.as_ref().and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: Catalog = Catalog::new(concat!(
        r#"{"source":"s","version":"1","generated":"2026-01-01","license":"MIT","copyright":"c"}"#,
        "\n",
        r#"{"provider":"a","id":"m","name":"M","context":10,"output":5,"images":true,"reasoning":true,"levels":{"off":null,"minimal":"MIN","xhigh":"more"},"price":[1,2,3,4],"tiers":[[100,[2,4,6,8]]],"compat":{"flag":true}}"#,
        "\n",
        r#"{"provider":"a","id":"m-2","name":"M 2"}"#,
        "\n",
        r#"{"provider":"b","id":"m","name":"M of b","reasoning":true}"#,
        "\n",
    ));

    #[test]
    fn a_model_is_found_under_its_provider_and_whole_id() {
        assert_eq!(CATALOG.find("a", "m").unwrap().name, "M");
        assert_eq!(CATALOG.find("b", "m").unwrap().name, "M of b");
        for (provider, id) in [("a", "m-"), ("a", ""), ("a", "m\""), ("", "m"), ("c", "m")] {
            assert!(CATALOG.find(provider, id).is_none(), "{provider}/{id}");
        }
        assert_eq!(CATALOG.entries("a").map(|entry| entry.id).collect::<Vec<_>>(), ["m", "m-2"]);
        assert_eq!(CATALOG.source().unwrap().license, "MIT");
    }

    #[test]
    fn what_is_known_is_told_and_the_rest_is_not_made_up() {
        let entry = CATALOG.find("a", "m").unwrap();
        let mut info = ModelInfo::new("a", "api", "m");
        entry.describe(&mut info);
        assert_eq!(
            (info.context_window, info.max_output, info.images, info.reasoning),
            (Some(10), Some(5), true, true)
        );
        assert_eq!(info.price.unwrap().tiers[0].price.output, 4.0);
        #[derive(Default, Deserialize)]
        struct Flags {
            flag: bool,
        }
        assert!(entry.compat::<Flags>().flag);
        let bare = CATALOG.find("a", "m-2").unwrap();
        assert!(bare.price().is_none() && bare.context.is_none() && bare.levels().is_empty());
        assert!(!bare.compat::<Flags>().flag);
    }

    #[test]
    fn levels_go_by_the_providers_words() {
        let words = |provider| {
            let entry = CATALOG.find(provider, "m").unwrap();
            entry.levels().iter().map(|(level, word)| format!("{level}={word}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("a"), "minimal=MIN low=low medium=medium high=high xhigh=more");
        assert_eq!(words("b"), "off=off minimal=minimal low=low medium=medium high=high");
    }
}
