//! What a session finds where it works, looked for once, before its first prompt.
//!
//! Later changes to what was found do not alter the system prompt: a provider's prompt cache, and the model, can rely on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Shared;
use crate::event::{Event, Events};
use crate::reach::{CallReach, Recorded};
use crate::skill::{Catalog, SKILLS_DIR};
use crate::system_prompt::{self, Surroundings};
use crate::tool::Registry;
use crate::{DirEntry, FileKind, FileSystem, Result, Sandbox, SandboxInfo, SandboxPath};

/// Files whose text goes into the system prompt, from the working directory alone.
const NOTES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];
/// The most bytes of one such file that do.
const MAX_NOTES_BYTES: usize = 64 << 10;
/// The most entries of the working directory that are listed.
const MAX_LISTED: usize = 100;
/// How long all of it may take; a session begins without what was not found by then.
const DISCOVERY_LIMIT: Duration = Duration::from_secs(30);

/// What a session found, and what follows from it.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) system: Arc<str>,
    pub(crate) skills: Catalog,
    pub(crate) tools: Arc<Registry>,
}

impl Workspace {
    /// Looks around.
    ///
    /// # Errors
    /// None for what lies in the workspace: what is malformed there is passed over, and told by an event.
    pub(crate) async fn discover(shared: &Shared, events: &Events) -> Result<Arc<Self>> {
        let agent = &shared.agent;
        let reach = Arc::new(CallReach::new(events.clone(), None));
        let recorded = Recorded::new(shared.sandbox.clone(), reach);
        let fs = recorded.fs();
        let mut skills = Catalog::packaged(&agent.persona.skills)?;
        let mut found = Surroundings::default();
        if agent.persona.discovers {
            let skipped = |path: &SandboxPath, why: &str| {
                tracing::warn!(%path, why, "passed over what the workspace says");
                events.emit(|| Event::WorkspaceSkipped { path: path.to_string(), why: why.to_owned() });
            };
            let look = look(fs, &shared.cwd, &mut found, &mut skills, &skipped);
            if timeout(DISCOVERY_LIMIT, look).await.is_err() {
                skipped(&shared.cwd, "looking around took too long");
            }
        }
        let info = SandboxInfo { cwd: shared.cwd.clone(), ..shared.sandbox.info().clone() };
        let tools = agent.registry(&info.capabilities, !skills.is_empty())?;
        let system = system_prompt::compose(agent, &info, &skills, &found);
        Ok(Arc::new(Self { system, skills, tools }))
    }
}

async fn look(
    fs: &dyn FileSystem,
    cwd: &SandboxPath,
    found: &mut Surroundings,
    skills: &mut Catalog,
    skipped: &(dyn Fn(&SandboxPath, &str) + Sync),
) {
    let entries = match fs.list(cwd).await {
        Ok(entries) => entries,
        Err(error) => return skipped(cwd, &format!("{error:#}")),
    };
    for name in NOTES {
        let Ok(path) = cwd.join(name) else { continue };
        if entries.iter().any(|entry| entry.name == name) {
            match notes(fs, &path).await {
                Ok(text) => found.notes.push((name, text)),
                Err(why) => skipped(&path, &why),
            }
        }
    }
    let skills_top = SKILLS_DIR.split('/').next().unwrap_or(SKILLS_DIR);
    if entries.iter().any(|entry| entry.name == skills_top) {
        for one in skills.discover(fs, cwd).await {
            skipped(&one.path, &one.why);
        }
    }
    found.unlisted = entries.len().saturating_sub(MAX_LISTED);
    found.listing = entries.iter().take(MAX_LISTED).map(listed).collect();
}

/// The text of a file with notes, cut to its bound.
async fn notes(fs: &dyn FileSystem, path: &SandboxPath) -> Result<String, String> {
    /// Larger files are not even read.
    const MAX_FILE_BYTES: u64 = 4 << 20;
    let told = |error: crate::Error| format!("{error:#}");
    let metadata = fs.metadata(path).await.map_err(told)?;
    if !metadata.is_file() || metadata.len.is_some_and(|len| len > MAX_FILE_BYTES) {
        return Err("it is no file, or far too large for a prompt".to_owned());
    }
    let data = fs.read(path).await.map_err(told)?;
    let text = std::str::from_utf8(&data).map_err(|_| "it is not UTF-8 text".to_owned())?.trim();
    if text.len() <= MAX_NOTES_BYTES {
        return Ok(text.to_owned());
    }
    let shown = &text[..text.floor_char_boundary(MAX_NOTES_BYTES)];
    Ok(format!("{shown}\n\n[The file goes on: {} of {} bytes are shown.]", shown.len(), text.len()))
}

/// An entry as the listing has it. A name cannot begin a line of its own.
fn listed(entry: &DirEntry) -> String {
    let name =
        if entry.name.contains(char::is_control) { entry.name.escape_debug().to_string() } else { entry.name.clone() };
    if entry.kind == FileKind::Directory { name + "/" } else { name }
}
