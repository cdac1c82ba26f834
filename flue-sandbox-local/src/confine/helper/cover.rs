//! What is covered where a sandbox is narrowed to one directory: all that is neither that nor the system's own.

use std::path::{Path, PathBuf};

use super::{At as _, Fault, Mechanism};
use crate::confine::plan::Policy;

/// Where systems have their programs and what these need (Filesystem Hierarchy Standard 3.0, and `nix`, `gnu` and `snap` of the
/// systems that have them). Everything else at the top holds files of users, of services, or of the sandbox.
const OF_SYSTEM: [&str; 16] = [
    "bin", "boot", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "sbin", "snap", "sys",
    "usr",
];

/// What is covered.
#[derive(Default)]
pub(super) struct Covered {
    /// Directories that become empty ones, none within another.
    pub(super) dirs: Vec<PathBuf>,
    /// Files that cannot be opened any more.
    pub(super) files: Vec<PathBuf>,
}

impl Covered {
    /// What the policy has covered. Looks at the files as the host has them.
    pub(super) fn of(policy: &Policy) -> Result<Self, Fault> {
        let mut covered = Self::default();
        let Some(only) = &policy.only else { return Ok(covered) };
        let what = "list the host's directories";
        for entry in std::fs::read_dir("/").at(Mechanism::Namespaces, what)? {
            let entry = entry.at(Mechanism::Namespaces, what)?;
            let kind = entry.file_type().at(Mechanism::Namespaces, what)?;
            if entry.file_name().to_str().is_some_and(|name| OF_SYSTEM.contains(&name)) {
                continue;
            }
            match kind.is_dir() {
                true => covered.dirs.push(entry.path()),
                false if kind.is_file() => covered.files.push(entry.path()),
                // A link leads to what is covered or not by itself.
                false => {}
            }
        }
        for dir in &only.instead_of {
            let dir = &package(dir);
            if !covered.dirs.iter().any(|cover| dir.starts_with(cover)) && is_real_dir(dir) {
                covered.dirs.retain(|cover| !cover.starts_with(dir));
                covered.dirs.push(dir.clone());
            }
        }
        Ok(covered)
    }
}

/// The directory of the package that `dir` lies in, where it lies in one (`/opt/PACKAGE`); itself elsewhere.
fn package(dir: &Path) -> PathBuf {
    let is_package = |dir: &&Path| dir.parent() == Some(Path::new("/opt"));
    dir.ancestors().find(is_package).unwrap_or(dir).to_owned()
}

fn is_real_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}
