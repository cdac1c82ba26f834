//! The Messages codec: recorded replies, request bodies, and the provider's own set-up.

mod provider;
mod replies;
mod requests;
