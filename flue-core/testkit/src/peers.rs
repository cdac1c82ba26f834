//! Other people's programs that tests check against.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::skip;

/// The variable that names the directory in which they are installed.
pub const PEERS: &str = "FLUE_PEERS_DIR";

/// The Python of a virtual environment `name` with these packages, each with its version: `google-auth==2.63.0`.
///
/// They are installed where they are missing, by one process at a time. `None`, and a skip of `test`, where nobody said into
/// which directory.
///
/// # Panics
/// In CI when there is no directory, and anywhere when they cannot be installed.
pub fn python(test: &str, name: &str, packages: &[&str]) -> Option<PathBuf> {
    let Some(peers) = std::env::var_os(PEERS).filter(|value| !value.is_empty()) else {
        assert!(std::env::var_os("CI").is_none(), "{PEERS} names no directory for packages");
        skip(test, &format!("{PEERS} names no directory to install {} in", packages.join(", ")));
        return None;
    };
    match installed(Path::new(&peers), name, packages) {
        Ok(python) => Some(python),
        Err(error) => panic!("{}: {error}", packages.join(", ")),
    }
}

fn installed(peers: &Path, name: &str, packages: &[&str]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(peers)?;
    let lock = File::create(peers.join(format!("{name}.lock")))?;
    lock.lock()?;
    let environment = peers.join(name);
    let python = environment.join("bin/python");
    let listed = peers.join(format!("{name}.packages"));
    // pip takes seconds to find that there is nothing to do.
    if python.exists() && std::fs::read_to_string(&listed).is_ok_and(|there| there == packages.join("\n")) {
        return Ok(python);
    }
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).args(packages))?;
    std::fs::write(&listed, packages.join("\n"))?;
    Ok(python)
}

fn run(command: &mut Command) -> std::io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(std::io::Error::other(format!("{command:?}: {}\n{said}", output.status)))
}
