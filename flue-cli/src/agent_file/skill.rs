//! Skills of an agent file: directories of this machine, read before anything runs.

use std::fs;
use std::path::{Path, PathBuf};

use flue_core::{SKILL_FILE, Skill};

use crate::host::{io_error, shown};

/// The most files of one skill.
const MAX_FILES: usize = 1000;
/// The most bytes of all files of one skill.
const MAX_BYTES: u64 = 16 << 20;
/// How deep directories may lie in one.
const MAX_DEPTH: usize = 8;

/// Reads the skill in `dir`. Symbolic links in it are passed over.
///
/// # Errors
/// What is wrong, with the file and the line.
pub(super) fn load(dir: &Path) -> Result<Skill, String> {
    let mut files = Vec::new();
    let mut left = MAX_BYTES;
    gather(dir, "", 0, &mut files, &mut left)?;
    Skill::packaged(files).map_err(|error| {
        let file = dir.join(SKILL_FILE);
        match error.fact("line") {
            // Of a skill only lines are told; what is wrong begins with them.
            Some(line) => format!("{}:{line}:1: {}", shown(&file), error.message()),
            None => format!("{}: {error}", shown(dir)),
        }
    })
}

fn gather(
    dir: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<(String, Vec<u8>)>,
    left: &mut u64,
) -> Result<(), String> {
    let failed =
        |path: &Path, error: std::io::Error| format!("{}: {}", shown(path), io_error("read", &error).message());
    if depth > MAX_DEPTH {
        return Err(format!("{}: directories of a skill lie too deep in each other", shown(dir)));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| failed(dir, error))? {
        paths.push(entry.map_err(|error| failed(dir, error))?.path());
    }
    paths.sort();
    for path in paths {
        let facts = fs::symlink_metadata(&path).map_err(|error| failed(&path, error))?;
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(format!("{}: the name of a skill's file has to be UTF-8", shown(&path)));
        };
        let name = format!("{prefix}{name}");
        if facts.is_dir() {
            gather(&path, &format!("{name}/"), depth + 1, files, left)?;
        } else if facts.is_file() {
            let room = left.checked_sub(facts.len()).filter(|_| files.len() < MAX_FILES);
            *left = room.ok_or_else(|| {
                format!("{}: a skill has at most {MAX_FILES} files of {} MiB in all", shown(dir), MAX_BYTES >> 20)
            })?;
            files.push((name, fs::read(&path).map_err(|error| failed(&path, error))?));
        }
    }
    Ok(())
}
