//! Tests of the core through its public API, over the doubles of the testkit.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounds;
mod compaction;
mod copy;
mod faults;
mod limits;
mod observe;
mod output;
mod policy;
mod search;
mod secrets;
mod sessions;
mod subagents;
mod support;
mod tools;
mod turns;
mod workspace;
