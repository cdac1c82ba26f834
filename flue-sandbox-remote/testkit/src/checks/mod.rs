//! What every adapter's sandboxes must pass beside the conformance suite. A panic says what was wrong.
//!
//! They need a sandbox whose commands are processes of this machine, where `/proc` shows them from outside.

#![expect(clippy::unwrap_used, reason = "these are parts of tests: one that cannot go on has failed")]

mod family;
pub mod job;
pub mod load;
pub mod odd;
pub mod secret;
pub mod stop;
