//! The store on a real server, which the tests start: the suite, crashes, lost connections and other people's tables.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod queue;
mod server;
mod suite;
