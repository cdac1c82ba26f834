//! Builds a server and a floor that come from elsewhere: two cargo projects in one directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use flue_core::{Error, ErrorKind, Result};

use crate::scratch::failed;

/// The project of the server. It takes `--port N`.
const SERVER: &str = "scripted-llm";
/// The project of the floor. It keeps to [`crate::load`].
const FLOOR: &str = "floor";
/// The document that the floor reviews, in its project.
const DOCUMENT: &str = "document.md";

/// Programs from elsewhere.
#[derive(Debug)]
pub(crate) struct Other {
    /// Where they come from.
    pub(crate) from: PathBuf,
    /// The server.
    pub(crate) server: PathBuf,
    /// The floor.
    pub(crate) floor: PathBuf,
    /// What the floor reviews.
    pub(crate) document: PathBuf,
}

impl Other {
    /// Builds them outside of their own directory, which may belong to somebody who wants no files in it. What was built is
    /// kept for the next time.
    pub(crate) fn build(from: &Path) -> Result<Self> {
        let into = std::env::temp_dir().join("flue-bench-peers");
        let program = |name: &str| -> Result<PathBuf> {
            let copy = into.join(name);
            copy_project(&from.join(name), &copy)?;
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let target = into.join("target");
            let mut command = Command::new(cargo);
            command.args(["build", "--release", "--quiet", "--target-dir"]).arg(&target).current_dir(&copy);
            let status = command.status().map_err(|error| failed("start cargo", &copy, error))?;
            if !status.success() {
                return Err(Error::new(ErrorKind::Unavailable, "build a peer", "cargo failed; its reasons are above")
                    .with("project", from.join(name).display()));
            }
            Ok(target.join("release").join(name))
        };
        let (server, floor) = (program(SERVER)?, program(FLOOR)?);
        Ok(Self { from: from.to_owned(), server, floor, document: from.join(FLOOR).join(DOCUMENT) })
    }
}

/// Copies a project without what was built in it.
fn copy_project(from: &Path, to: &Path) -> Result<()> {
    const BUILT: &str = "target";
    std::fs::create_dir_all(to).map_err(|error| failed("make a directory", to, error))?;
    let entries = std::fs::read_dir(from).map_err(|error| failed("list", from, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", from, error))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == BUILT {
            continue;
        }
        if source.is_dir() {
            copy_project(&source, &target)?;
        } else if !same(&source, &target) {
            // Only when it differs: cargo goes by the time of files.
            std::fs::copy(&source, &target).map_err(|error| failed("copy", &source, error))?;
        }
    }
    Ok(())
}

fn same(one: &Path, other: &Path) -> bool {
    std::fs::read(one).ok().is_some_and(|bytes| std::fs::read(other).is_ok_and(|copied| copied == bytes))
}
