#![doc = include_str!("../README.md")]

#[cfg(feature = "cloudflare")]
pub use flue_sandbox_remote_cloudflare as cloudflare;
#[cfg(feature = "daytona")]
pub use flue_sandbox_remote_daytona as daytona;
#[cfg(all(feature = "docker", unix))]
pub use flue_sandbox_remote_docker as docker;
#[cfg(feature = "e2b")]
pub use flue_sandbox_remote_e2b as e2b;
#[cfg(feature = "kubernetes")]
pub use flue_sandbox_remote_kubernetes as kubernetes;
#[cfg(feature = "ssh")]
pub use flue_sandbox_remote_ssh as ssh;

pub use flue_sandbox_remote_kit::{
    AtClose, Labels, Machine, NetworkPolicy, OWNER_LABEL, Provider, Remote, RemoteSandbox, Reuse, Scope, Secret,
    Workspace, sweep,
};
