//! Runs a script of a provider's official client against a server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// The variable that names the directory in which clients are installed.
const PEERS: &str = "FLUE_PEERS_DIR";
/// How long installing a client may take, and how long its script.
const LIMIT: Duration = Duration::from_secs(300);

/// Whether this machine was told where to install clients.
pub(crate) fn is_possible() -> bool {
    std::env::var_os(PEERS).is_some()
}

/// The interpreter of a virtual environment with `packages`, which are installed where they are missing.
async fn python(name: &str, packages: &[&str]) -> PathBuf {
    let cache = PathBuf::from(std::env::var_os(PEERS).expect("a directory for clients"));
    let environment = cache.join(name);
    let python = environment.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").arg("-m").arg("venv").arg(&environment)).await;
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages))
        .await;
    python
}

/// Runs `sdk/SCRIPT` with the variables given and nothing else of the environment's that could lead it elsewhere.
pub(crate) async fn certify(name: &str, packages: &[&str], script: &str, variables: &[(&str, &str)]) -> String {
    let python = python(name, packages).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk").join(script);
    let mut command = Command::new(python);
    command.arg(script).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", env!("CARGO_TARGET_TMPDIR"));
    run(command.envs(variables.iter().copied())).await
}

async fn run(command: &mut Command) -> String {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(LIMIT, running).await.expect("in time").expect("start");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}
