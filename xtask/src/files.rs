//! The files of the repository, found by walking it, so that the checks do not depend on what has been committed.

use std::fs;
use std::path::Path;

use crate::report::{Failure, Outcome};

/// Where cargo builds.
pub(crate) const BUILD_DIRECTORY: &str = "target";
/// Directories at the top level that hold nothing of ours.
const NOT_OURS: &[&str] = &[".git", BUILD_DIRECTORY];

/// Every file below `root`, as sorted paths relative to it with `/` between the parts. Links are not followed.
pub(crate) fn walk(root: &Path) -> Outcome<Vec<String>> {
    let mut files = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        for (name, is_dir) in entries(&root.join(&dir))? {
            if dir.is_empty() && NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            if is_dir {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies every file below `root`, what links point at included, to `to`, which is made anew.
pub(crate) fn copy(root: &Path, to: &Path) -> Outcome {
    let failed = |error: std::io::Error| Failure::new(format!("cannot copy to {}: {error}", to.display()));
    if to.exists() {
        fs::remove_dir_all(to).map_err(failed)?;
    }
    for path in walk(root)? {
        let place = to.join(&path);
        place.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::copy(root.join(&path), place).map_err(failed)?;
    }
    Ok(())
}

/// The names in one directory, and whether each is a directory itself.
pub(crate) fn entries(dir: &Path) -> Outcome<Vec<(String, bool)>> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot list {}: {error}", dir.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_dir = entry.file_type().map_err(failed)?.is_dir();
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| Failure::new(format!("{}: name is not UTF-8: {}", dir.display(), name.display())))?;
        found.push((name, is_dir));
    }
    Ok(found)
}

/// The text of a file, or `None` if it is not text.
pub(crate) fn read_text(root: &Path, path: &str) -> Outcome<Option<String>> {
    let bytes = fs::read(root.join(path)).map_err(|error| Failure::new(format!("cannot read {path}: {error}")))?;
    Ok(String::from_utf8(bytes).ok())
}
