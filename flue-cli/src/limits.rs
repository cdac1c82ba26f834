//! Limits, as the command line says them.

use std::time::Duration;

use clap::Args;
use flue_core::model::ModelInfo;
use flue_core::{Error, ErrorKind, Limits, Result};

use crate::args::duration;

/// What may be taken. Reaching one of these is an end of its own.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Stop after this time: 90, 90s, 15m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Stop after so many turns of the model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_turns: Option<u32>,
    /// Stop when this many tokens were used
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_tokens: Option<u64>,
    /// Stop when this was spent, in US dollars
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub(crate) max_cost: Option<f64>,
}

impl LimitArgs {
    /// What may be spent, in each prompt of `flue run` and in all of `flue chat`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a cost that is to be limited and cannot be known.
    pub(crate) fn spending(&self, model: &ModelInfo) -> Result<Limits> {
        if self.max_cost.is_some() && model.price.is_none() {
            let why =
                "what this model costs is not known, so cost cannot be limited; limit tokens instead: --max-tokens";
            return Err(Error::new(ErrorKind::Config, "limit cost", why).with("model", model.spec()));
        }
        let limits = Limits::none();
        let limits = self.max_tokens.map_or(limits.clone(), |tokens| limits.with_tokens(tokens));
        Ok(self.max_cost.map_or(limits.clone(), |cost| limits.with_cost(cost)))
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.strip_prefix('$').unwrap_or(text).parse::<f64>() {
        Ok(dollars) if dollars > 0.0 && dollars.is_finite() => Ok(dollars),
        _ => Err("write a number of US dollars above 0, as in 0.50".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_above_nothing() {
        assert_eq!(dollars("0.50"), Ok(0.5));
        assert_eq!(dollars("$2"), Ok(2.0));
        for text in ["", "0", "-1", "nan", "inf", "1e999", "1 USD"] {
            assert!(dollars(text).is_err(), "{text}");
        }
    }
}
