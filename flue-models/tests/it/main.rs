//! The providers together: what one model said, another takes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod codecs;
mod counts;
mod golden;
mod live;
mod mutations;
mod peers;
mod round_trips;
