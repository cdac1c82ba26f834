//! An engine of the tests' own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use flue_sandbox_remote_docker::Docker;
use flue_sandbox_remote_kit::Remote;

/// It ends when its standard input does, which is when this process ends, however it does.
pub(crate) struct Engine {
    _process: Child,
    dir: PathBuf,
}

static ENGINE: LazyLock<Result<Engine, String>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine.sh");
    let mut process = Command::new("sh").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    match said.strip_prefix("missing ") {
        Some(what) => {
            process.wait().unwrap();
            Err(what.to_owned())
        }
        None => Ok(Engine { _process: process, dir: said.into() }),
    }
});

/// Held by tests that keep the machine busy, one at a time: their times mean nothing otherwise.
pub(crate) static BUSY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How many tests had no engine.
static SKIPPED: AtomicU32 = AtomicU32::new(0);

/// The engine, or a word that this test is skipped. `CI` demands the programs: its script installs them.
pub(crate) fn engine(test: &str) -> Option<&'static Engine> {
    let found = ENGINE.as_ref().inspect_err(|what| {
        let is_here = !what.starts_with("program");
        assert!(is_here || std::env::var_os("CI").is_none(), "no {what}; is the package docker.io installed?");
        let count = SKIPPED.fetch_add(1, Ordering::SeqCst) + 1;
        println!("Skipped {count}, no {what}: {test}");
    });
    found.ok()
}

impl Engine {
    pub(crate) fn docker(&self) -> Docker {
        self.image("local/base:1")
    }

    pub(crate) fn image(&self, image: &str) -> Docker {
        Docker::at(self.dir.join("engine.sock"), image)
    }

    pub(crate) fn remote(&self, owner: &str) -> Remote {
        Remote::new(self.docker()).owner(owner)
    }

    /// Runs the engine's own client.
    pub(crate) fn client(&self, args: &[&str]) -> String {
        let output = Command::new("docker").arg("-H").arg(self.address()).args(args).output().unwrap();
        assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn address(&self) -> String {
        format!("unix://{}", self.dir.join("engine.sock").display())
    }
}
