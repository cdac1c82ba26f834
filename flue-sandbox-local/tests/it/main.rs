//! The local sandbox from outside.

mod suite;
mod temp;
