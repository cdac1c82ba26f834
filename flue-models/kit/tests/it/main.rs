//! Models over real sockets: what goes out, what comes back, and what never shows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod counts;
mod double;
mod failures;
mod own;
mod renewed;
mod secrets;
mod tokens;
