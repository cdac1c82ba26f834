//! What a description comes to, for those who open it elsewhere than in this process.

use std::collections::BTreeMap;

use flue_core::SandboxInfo;

use crate::{HostCommand, Snapshot, VirtualLimits};

/// What a [`Virtual`](crate::Virtual) comes to for one request: all that another process needs to open the same sandbox.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// What the sandbox is, its base directory among it.
    pub info: SandboxInfo,
    /// The files that it starts with.
    pub files: Snapshot,
    /// The user that commands see.
    pub user: String,
    /// The host name that commands see.
    pub hostname: String,
    /// The environment of every command.
    pub env: BTreeMap<String, String>,
    /// The commands that the application answers, by name.
    pub commands: BTreeMap<String, HostCommand>,
    /// What the sandbox may use.
    pub limits: VirtualLimits,
}
