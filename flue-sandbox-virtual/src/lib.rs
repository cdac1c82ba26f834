#![doc = include_str!("../README.md")]

mod builtins;
mod command;
mod factory;
mod files;
mod limits;
#[cfg(feature = "network")]
mod network;
mod notes;
mod plan;
mod sandbox;
mod seed;
mod shell;
mod tree;

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{AgentBuilder, AgentSpec};

pub use self::command::{CommandCall, CommandOutput, HostCommand};
pub use self::factory::Virtual;
pub use self::limits::VirtualLimits;
#[cfg(feature = "network")]
pub use self::network::NetworkPolicy;
pub use self::plan::Plan;
pub use self::sandbox::VirtualSandbox;
pub use self::tree::{Snapshot, TreeVfs};

/// Begins an agent that works in virtual sandboxes, which start empty: what an agent gets when nobody says otherwise.
pub fn agent(model: Arc<dyn Model>) -> AgentBuilder {
    AgentSpec::builder(model, Virtual::new())
}
