//! The kit over real shells.

mod shell;
mod suite;
