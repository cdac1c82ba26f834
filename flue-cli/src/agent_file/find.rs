//! Finding an agent file by the name that the user gives.

use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

use crate::host::shown;
use crate::suggest;

/// Where agents of a project are kept, from the directory of the project.
const AGENTS: &str = ".flue/agents";
/// How an agent's file name ends.
const EXTENSION: &str = "md";
/// What marks the top of a repository.
const REPOSITORY: &str = ".git";
/// The most agents that are looked at for a suggestion.
const MAX_AGENTS: usize = 1000;

/// The file of `agent`: a path if it ends in `.md` or has a directory in it; otherwise a name, looked for as
/// `.flue/agents/NAME.md` in `cwd`, and in the directories above it as far as the repository goes.
///
/// # Errors
/// [`ErrorKind::NotFound`], with where was looked.
pub(crate) fn find(agent: &Path, cwd: &Path) -> Result<PathBuf> {
    let is_path = agent.components().count() > 1 || agent.is_absolute();
    if is_path || agent.extension().is_some_and(|extension| extension == EXTENSION) {
        return Ok(agent.to_owned());
    }
    let directories: Vec<PathBuf> = project(cwd).into_iter().map(|directory| directory.join(AGENTS)).collect();
    let mut name = agent.as_os_str().to_owned();
    name.push(format!(".{EXTENSION}"));
    if let Some(found) = directories.iter().map(|directory| directory.join(&name)).find(|file| file.exists()) {
        return Ok(found);
    }
    let known: Vec<String> = directories.iter().flat_map(|directory| agents(directory)).take(MAX_AGENTS).collect();
    let agent = shown(agent);
    let hint = suggest::hint(&agent, known.iter().map(String::as_str));
    // Words that stand alone are taken for an agent, though they may have been meant for one.
    let message = if agent.contains(' ') { "; a message goes behind -m" } else { "" };
    let why = format!("there is no agent of this name{hint}{message}");
    let mut error = Error::new(ErrorKind::NotFound, "find agent", why).with("agent", &agent);
    for directory in &directories {
        error = error.with("looked_in", shown(directory));
    }
    Err(error)
}

/// `cwd` and the directories above it, up to the one that holds the repository; `cwd` alone outside of a repository.
fn project(cwd: &Path) -> Vec<&Path> {
    let above: Vec<&Path> = cwd.ancestors().collect();
    let top = above.iter().position(|directory| directory.join(REPOSITORY).exists()).unwrap_or(0);
    above.into_iter().take(top + 1).collect()
}

fn agents(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| PathBuf::from(entry.file_name()));
    names
        .filter(|name| name.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|name| name.file_stem()?.to_str().map(str::to_owned))
        .collect()
}
