//! The `flue` binary as its users meet it.

mod exec;
mod help;
mod limits;
mod review;
mod run;
mod server;
mod signals;
mod support;
mod transfer;
