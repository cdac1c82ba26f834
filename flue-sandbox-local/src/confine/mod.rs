//! Commands that the kernel holds to a policy.
//!
//! [`Confinement`] is what the caller asks for. When a sandbox opens, [`open`] makes it concrete, has a helper try it, and
//! fails if what was asked for cannot be had. After that every command is started through [`launch`] by a [`helper`] of its
//! own, a re-execution of this program that turns itself into the confinement; [`plan`] is what the two say to each other.

mod hidden;
mod limits;
mod mechanism;
mod policy;

#[cfg(target_os = "linux")]
mod concrete;
#[cfg(target_os = "linux")]
mod describe;
#[cfg(target_os = "linux")]
mod environment;
#[cfg(target_os = "linux")]
mod git;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod narrow;
#[cfg(target_os = "linux")]
mod open;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod proxy;
#[cfg(target_os = "linux")]
mod refusal;
#[cfg(target_os = "linux")]
mod scratch;
#[cfg(not(target_os = "linux"))]
mod unsupported;

#[cfg(target_os = "linux")]
pub(crate) use self::helper::help;
#[cfg(target_os = "linux")]
pub(crate) use self::launch::Leash;
pub use self::limits::Limits;
pub use self::mechanism::{Finding, Mechanism, Tier};
#[cfg(target_os = "linux")]
pub(crate) use self::open::Confined;
#[cfg(target_os = "linux")]
pub(crate) use self::plan::{HELPER, Report};
pub use self::policy::Confinement;
#[cfg(target_os = "linux")]
pub use self::probe::probe;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::unsupported::Confined;
#[cfg(not(target_os = "linux"))]
pub use self::unsupported::probe;
