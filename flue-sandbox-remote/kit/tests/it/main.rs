//! The kit over real shells.

mod faults;
mod shell;
mod suite;
