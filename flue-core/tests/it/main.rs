//! Tests of the core through its public API, over the doubles of the testkit.

mod faults;
mod search;
mod support;
mod turns;
