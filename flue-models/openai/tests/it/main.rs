//! The codecs over recorded and written streams, and the requests they make.

mod chat_dialects;
mod chat_requests;
mod recordings;
mod responses_events;
mod responses_requests;
mod support;
