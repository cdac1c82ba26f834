//! The Converse codec: recorded replies, request bodies, and the provider's own set-up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "sigv4")]
mod botocore;
#[cfg(feature = "sigv4")]
mod processes;
#[cfg(feature = "sigv4")]
mod profiles;
mod provider;
mod replies;
mod requests;
