#![doc = include_str!("../README.md")]

mod call;
mod driver;
mod files;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod provider;
mod quote;
mod remote;
mod sandbox;
mod workspace;

pub use self::call::{PROBE_EVERY, PROBE_SILENCE, run_script};
pub use self::driver::{Call, Death, Driver, Ended, Facts, Liveness, Refused, Transfer, died};
pub use self::files::MAX_FILE_BYTES;
pub use self::provider::{
    EXPIRY_LABEL, Labels, Machine, OWNER_LABEL, Offers, Provider, Spec, WORKSPACE_LABEL, discard, expiry, sweep,
};
pub use self::quote::quote;
pub use self::remote::Remote;
pub use self::sandbox::RemoteSandbox;
pub use self::workspace::{AtClose, NetworkPolicy, Reuse, Scope, Secret, Workspace};
