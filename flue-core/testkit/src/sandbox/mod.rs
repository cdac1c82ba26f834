//! The conformance suite of [`Sandbox`](flue_core::Sandbox)es.
//!
//! [`suite`] takes a factory, opens a fresh sandbox for each case, and gives a [`Report`](crate::Report). What a case needs
//! is compared with what the sandbox says of itself in [`SandboxInfo`](flue_core::SandboxInfo); a case whose [`Need`] is not
//! met is skipped, and shown as skipped.
//!
//! Every case works in a directory of its own below the sandbox's base directory and removes it, so the suite can be held
//! against a host as well. Nothing outside that directory is written.

mod case;
mod cases;
#[cfg(feature = "libtest")]
mod libtest;
mod narrow;
mod subject;
mod suite;

pub use self::case::{CASE_LIMIT, Case, Need};
pub use self::cases::cases;
#[cfg(feature = "libtest")]
pub use self::libtest::main;
pub use self::narrow::Narrow;
pub use self::suite::{Suite, suite};
