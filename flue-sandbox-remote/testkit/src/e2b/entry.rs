//! How files and times are described.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// A time as RFC 3339.
pub(super) fn timestamp(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What `stat` and listings say about a path. Links are described, not followed.
pub(super) fn entry(path: &Path) -> io::Result<Value> {
    let meta = fs::symlink_metadata(path)?;
    let kind = if meta.is_symlink() {
        "FILE_TYPE_SYMLINK"
    } else if meta.is_dir() {
        "FILE_TYPE_DIRECTORY"
    } else {
        "FILE_TYPE_FILE"
    };
    let mut entry = json!({
        "name": path.file_name().unwrap_or_default().to_string_lossy(),
        "path": path.to_string_lossy(),
        "type": kind,
        "size": meta.len().to_string(),
        "mode": meta.permissions().mode() & 0o7777,
        "permissions": format!("{:o}", meta.permissions().mode() & 0o7777),
        "owner": meta.uid().to_string(),
        "group": meta.gid().to_string(),
        "modifiedTime": timestamp(meta.modified()?),
    });
    if let Ok(target) = fs::read_link(path) {
        entry["symlinkTarget"] = target.to_string_lossy().into();
    }
    Ok(entry)
}
