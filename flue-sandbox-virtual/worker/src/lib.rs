#![doc = include_str!("../README.md")]
#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only what is said about a sandbox is needed there"))]

mod contained;
mod containment;
mod death;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod host;
#[cfg(target_os = "linux")]
mod wire;
#[cfg(target_os = "linux")]
mod worker;

pub use self::contained::Contained;
pub use self::containment::Containment;
pub use self::death::Death;
#[cfg(not(target_os = "linux"))]
pub use self::elsewhere::{ContainedSandbox, init};
#[cfg(target_os = "linux")]
pub use self::host::{ContainedSandbox, init};
