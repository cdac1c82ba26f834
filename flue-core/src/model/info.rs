//! What is known of a model.

use std::sync::Arc;

use super::{Cost, Origin, Usage};

/// What is known of a model. What is not known is `None`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Provider, protocol and model id.
    pub origin: Origin,
    /// The most tokens that a request and its answer may have.
    pub context_window: Option<u64>,
    /// The most tokens that an answer may have.
    pub max_output: Option<u64>,
    /// What tokens cost.
    pub price: Option<Price>,
    /// Whether it takes images.
    pub images: bool,
    /// Whether it reasons, so that a thinking level means something.
    pub reasoning: bool,
}

impl ModelInfo {
    /// A model of which only the name is known: it is taken to handle text alone, and not to reason.
    pub fn new(provider: impl Into<Arc<str>>, api: impl Into<Arc<str>>, model: impl Into<Arc<str>>) -> Self {
        Self {
            origin: Origin { provider: provider.into(), api: api.into(), model: model.into() },
            context_window: None,
            max_output: None,
            price: None,
            images: false,
            reasoning: false,
        }
    }

    /// The name that opens this model: `provider/model`.
    pub fn spec(&self) -> String {
        format!("{}/{}", self.origin.provider, self.origin.model)
    }
}

/// Prices in US dollars for a million tokens.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Price {
    /// Uncached input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Cache reads.
    pub cache_read: f64,
    /// Cache writes kept for minutes. Those kept for an hour cost twice the input price.
    pub cache_write: f64,
    /// Prices that take the place of these for long conversations, shortest first.
    pub tiers: Vec<PriceTier>,
}

/// The prices of a whole request whose input, cached or not, is above a number of tokens.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PriceTier {
    /// The tokens that the input has to exceed.
    pub above: u64,
    /// What then counts; its own tiers do not.
    pub price: Price,
}

impl PriceTier {
    /// The prices above so many tokens of input.
    pub fn new(above: u64, price: Price) -> Self {
        Self { above, price }
    }
}

impl Price {
    /// Prices for a million tokens.
    pub fn new(input: f64, output: f64, cache_read: f64, cache_write: f64) -> Self {
        Self { input, output, cache_read, cache_write, tiers: Vec::new() }
    }

    /// Sets the prices of long conversations, shortest first.
    #[must_use]
    pub fn with_tiers(mut self, tiers: Vec<PriceTier>) -> Self {
        self.tiers = tiers;
        self
    }

    /// What `usage`, that of one request, costs.
    pub fn cost(&self, usage: &Usage) -> Cost {
        match self.tiers.iter().rev().find(|tier| usage.context() > tier.above) {
            Some(tier) => tier.price.flat_cost(usage),
            None => self.flat_cost(usage),
        }
    }

    fn flat_cost(&self, usage: &Usage) -> Cost {
        const MILLION: f64 = 1e6;
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let dollars = |tokens: u64, price: f64| tokens as f64 * price / MILLION;
        let hour = usage.cache_write_1h.min(usage.cache_write);
        let mut cost = Cost {
            input: dollars(usage.input, self.input),
            output: dollars(usage.output, self.output),
            cache_read: dollars(usage.cache_read, self.cache_read),
            cache_write: dollars(usage.cache_write - hour, self.cache_write) + dollars(hour, 2.0 * self.input),
            total: 0.0,
        };
        cost.total = cost.input + cost.output + cost.cache_read + cost.cache_write;
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_in_the_cache_costs_twice_the_input() {
        let usage = Usage {
            input: 1_000_000,
            output: 500_000,
            cache_read: 2_000_000,
            cache_write: 3_000_000,
            cache_write_1h: 1_000_000,
            ..Usage::default()
        };
        let cost = Price::new(3.0, 15.0, 0.3, 3.75).cost(&usage);
        assert_eq!((cost.input, cost.output, cost.cache_read), (3.0, 7.5, 0.6));
        assert_eq!(cost.cache_write, 2.0 * 3.75 + 6.0);
        assert!((cost.total - 24.6).abs() < 1e-9);
    }
    #[test]
    fn a_long_conversation_costs_what_its_tier_says() {
        let tier = |above, times: f64| PriceTier::new(above, Price::new(times, times, times, times));
        let price = Price::new(1.0, 1.0, 1.0, 1.0).with_tiers(vec![tier(100, 2.0), tier(1000, 3.0)]);
        let cost = |input, cache_read| price.cost(&Usage { input, cache_read, ..Usage::default() }).total * 1e6;
        for (input, cache_read, expected) in [(100, 0, 100.0), (1, 100, 202.0), (500, 500, 2000.0), (2, 999, 3003.0)] {
            assert!((cost(input, cache_read) - expected).abs() < 1e-9, "{input} {cache_read}");
        }
    }
}
