//! The Gemini codec: recorded replies, request bodies, and the providers' own set-up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod provider;
mod replies;
mod requests;
#[cfg(feature = "vertex")]
mod vertex;
