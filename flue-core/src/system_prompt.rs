//! What the model is told before the conversation: who it is, what it can turn to, and the truth about where it works.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::agent::Definition;
use crate::clock::date;
use crate::skill::Catalog;
use crate::{NetworkReach, SandboxInfo, SandboxLevel};

/// What lies in the working directory.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// Files with notes for whoever works here: names and texts.
    pub(crate) notes: Vec<(&'static str, String)>,
    /// The names in the directory, sorted.
    pub(crate) listing: Vec<String>,
    /// How many more there are.
    pub(crate) unlisted: usize,
}

/// The instructions, the notes of the workspace, skills and subagents, then the facts of the sandbox.
pub(crate) fn compose(agent: &Definition, info: &SandboxInfo, skills: &Catalog, around: &Surroundings) -> Arc<str> {
    let mut parts: Vec<String> = Vec::new();
    parts.push(agent.persona.instructions.trim().to_owned());
    for (name, text) in &around.notes {
        parts.push(format!("## {name}\n\n{text}"));
    }
    if !skills.is_empty() {
        let how =
            "When one of these fits the task, call `activate_skill` with its name before you begin, and follow it.\n";
        parts.push(format!("## Skills\n\n{how}{}", listed(skills.entries())));
    }
    if !agent.subagents.is_empty() {
        let subagents = agent.subagents.iter().map(|subagent| (&*subagent.name, subagent.description.trim()));
        parts.push(format!("## Subagents\n\nHand tasks to them with the `task` tool.\n{}", listed(subagents)));
    }
    parts.push(place(info, &date(&*agent.clock), around));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n").into()
}

fn listed<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    entries.fold(String::new(), |mut text, (name, description)| {
        let _ = write!(text, "\n- **{name}** — {description}");
        text
    })
}

/// The truth about where the agent works.
fn place(info: &SandboxInfo, date: &str, around: &Surroundings) -> String {
    let mut text = String::from("## Where you work\n\n");
    text.push_str(match info.level {
        SandboxLevel::Virtual => "A virtual sandbox: files in memory and an emulated bash.",
        SandboxLevel::Remote => "A remote machine of its own.",
        SandboxLevel::Confined => "The user's own machine, under kernel limits.",
        SandboxLevel::Local => "The user's own machine, without isolation: what you change is changed for real.",
    });
    let _ = write!(text, "\nDate: {date}\nWorking directory: {}", info.cwd);
    let capabilities = &info.capabilities;
    if !capabilities.exec {
        text.push_str("\nCommands cannot be run here.");
    }
    if !capabilities.write {
        text.push_str("\nFiles cannot be changed here.");
    }
    match &capabilities.network {
        NetworkReach::None => text.push_str("\nThere is no network."),
        NetworkReach::AllowList(hosts) => {
            let _ = write!(text, "\nThe network reaches only: {}", hosts.join(", "));
        }
        NetworkReach::Open | NetworkReach::Unknown => {}
    }
    for note in &info.notes {
        text.push('\n');
        text.push_str(note);
    }
    if !around.listing.is_empty() {
        let _ = write!(text, "\n\nDirectory structure:\n{}", around.listing.join("\n"));
    }
    if around.unlisted > 0 {
        let _ = write!(text, "\n({} more are not listed)", around.unlisted);
    }
    text
}
