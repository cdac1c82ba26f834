//! The files of ssh_config, and those that they include.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::FILES;
use crate::pattern::fits;

/// How long a file may be.
const FILE_BYTES: u64 = 1 << 20;

/// The text of a file, if it is there.
///
/// # Errors
/// Why it cannot be read, or must not be followed.
pub(super) fn read(file: &Path) -> Result<Option<String>, String> {
    let mut open = match std::fs::File::open(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        open => open.map_err(|error| error.to_string())?,
    };
    let facts = open.metadata().map_err(|error| error.to_string())?;
    if is_written_by_others(&facts) {
        return Err("others may write it; run chmod go-w on it, and see that it is yours".to_owned());
    }
    if facts.len() > FILE_BYTES {
        return Err(format!("it is longer than {FILE_BYTES} bytes"));
    }
    let mut text = Vec::new();
    open.by_ref().take(FILE_BYTES).read_to_end(&mut text).map_err(|error| error.to_string())?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Whoever writes it decides which host it is that is known. OpenSSH does not follow it either.
#[cfg(unix)]
fn is_written_by_others(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owners = [0, nix::unistd::geteuid().as_raw()];
    facts.mode() & 0o022 != 0 || !owners.contains(&facts.uid())
}

#[cfg(not(unix))]
fn is_written_by_others(_: &std::fs::Metadata) -> bool {
    false
}

/// The files that an absolute path with `*` and `?` names, sorted; one more than may be read, at the most.
pub(super) fn named(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let name = part.as_os_str().to_string_lossy();
        found = match part {
            Component::Normal(_) if name.contains(['*', '?']) => {
                found.iter().flat_map(|dir| within(dir, &name)).take(FILES + 1).collect()
            }
            _ => found.into_iter().map(|dir| dir.join(part)).collect(),
        };
    }
    found
}

/// What in `dir` fits the pattern, sorted; what is hidden only where the pattern begins with a dot.
fn within(dir: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| fits(pattern, name) && (pattern.starts_with('.') || !name.starts_with('.'))).collect();
    names.sort();
    names.into_iter().map(|name| dir.join(name)).collect()
}
