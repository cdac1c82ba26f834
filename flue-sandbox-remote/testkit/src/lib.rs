//! For the tests of adapters: what all of them must pass, and servers that speak the protocols of sandbox providers.
//!
//! Each server runs commands for real, in a directory of this machine: exit codes, files, cancelling and death are not made up.
//! How faithful each one is, and what certified it, stands in the README.

pub mod checks;
pub mod cloudflare;
pub mod daytona;
pub mod e2b;
mod fault;
mod http;
pub mod kubernetes;
mod machine;

pub use fault::{Fault, Faults};
