//! The `flue` binary as its users meet it.

mod exec;
mod help;
mod limits;
mod signals;
mod support;
mod transfer;
