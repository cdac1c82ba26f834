//! The codecs over recorded and written streams, and the requests they make.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chat_dialects;
mod chat_requests;
mod recordings;
mod responses_events;
mod responses_requests;
mod support;
