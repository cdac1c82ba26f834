//! Runs a script of a provider's official client against a server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// How long a client's script may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Whether this machine was told where to install clients.
pub(crate) fn is_possible() -> bool {
    std::env::var_os(flue_core_testkit::PEERS).is_some()
}

/// Runs `sdk/SCRIPT` with the variables given and nothing else of the environment's that could lead it elsewhere.
pub(crate) async fn certify(name: &str, packages: &[&str], script: &str, variables: &[(&str, &str)]) -> String {
    let python = flue_core_testkit::python(script, name, packages).expect("a directory for clients");
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
