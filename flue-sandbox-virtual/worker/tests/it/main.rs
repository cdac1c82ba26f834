//! The virtual sandbox in processes of its own, as its users see it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it stands, its helpers too")]
#![expect(clippy::print_stdout, reason = "what became of each hostile script is worth seeing")]

mod commands;
mod conformance;
mod containment;
mod death;
mod ends;
mod files;
mod hostile;
mod opening;
mod support;
