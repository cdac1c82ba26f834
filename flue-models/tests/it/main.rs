//! The providers together: what one model said, another takes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod codecs;
mod golden;
mod mutations;
mod round_trips;
