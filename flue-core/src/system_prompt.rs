//! What the model is told before the conversation: who it is, and the truth about where it works.

use std::sync::Arc;

use crate::agent::Definition;
use crate::{NetworkReach, SandboxInfo, SandboxLevel};

/// The instructions, those to whom tasks can be handed, then the facts of the sandbox.
pub(crate) fn compose(agent: &Definition, info: &SandboxInfo) -> Arc<str> {
    let mut prompt = String::new();
    let instructions = agent.persona.instructions.trim();
    if !instructions.is_empty() {
        prompt.push_str(instructions);
        prompt.push_str("\n\n");
    }
    if !agent.subagents.is_empty() {
        prompt.push_str("## Subagents\n\nHand tasks to them with the `task` tool.\n");
        for subagent in &agent.subagents {
            prompt.push_str(&format!("\n- **{}** — {}", subagent.name, subagent.description.trim()));
        }
        prompt.push_str("\n\n");
    }
    prompt.push_str("## Where you work\n\n");
    prompt.push_str(match info.level {
        SandboxLevel::Virtual => "A virtual sandbox: files in memory and an emulated bash.",
        SandboxLevel::Remote => "A remote machine of its own.",
        SandboxLevel::Confined => "The user's own machine, under kernel limits.",
        SandboxLevel::Local => "The user's own machine, without isolation: what you change is changed for real.",
    });
    prompt.push_str(&format!("\nWorking directory: {}", info.cwd));
    let capabilities = &info.capabilities;
    if !capabilities.exec {
        prompt.push_str("\nCommands cannot be run here.");
    }
    if !capabilities.write {
        prompt.push_str("\nFiles cannot be changed here.");
    }
    match &capabilities.network {
        NetworkReach::None => prompt.push_str("\nThere is no network."),
        NetworkReach::AllowList(hosts) => {
            prompt.push_str("\nThe network reaches only: ");
            prompt.push_str(&hosts.join(", "));
        }
        NetworkReach::Open | NetworkReach::Unknown => {}
    }
    for note in &info.notes {
        prompt.push('\n');
        prompt.push_str(note);
    }
    prompt.into()
}
