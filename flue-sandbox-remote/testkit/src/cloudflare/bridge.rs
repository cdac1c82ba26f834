//! The bridge's process: built from packages, run by `workerd`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::API_KEY;
use crate::machine::random_id;

/// What is installed, what is built of it, and how it is run.
const MANIFEST: &str = include_str!("../../bridge/package.json");
const LOCK: &str = include_str!("../../bridge/package-lock.json");
const WORKER: &str = include_str!("../../bridge/worker.js");
const CONFIG: &str = include_str!("../../bridge/config.capnp");
/// How long installing may take, and how long building or starting.
const INSTALL_LIMIT: Duration = Duration::from_secs(600);
const START_LIMIT: Duration = Duration::from_secs(120);

/// One at a time installs.
static INSTALL: Mutex<()> = Mutex::const_new(());

#[derive(Debug)]
pub(super) struct Bridge {
    url: String,
    directory: PathBuf,
    _process: Child,
}

impl Bridge {
    /// Starts it over the server at `stub`, an address and a port. It allows so many containers, 0 for any number.
    pub(super) async fn start(packages: &Path, stub: &str, instances: u32) -> io::Result<Self> {
        let packages = install(packages).await?;
        let directory = packages.join(format!("run-{}", random_id()?));
        fs::create_dir_all(directory.join("disk"))?;
        fs::copy(packages.join("bundle.js"), directory.join("bundle.js"))?;
        let config = CONFIG.replace("{{stub}}", stub).replace("{{key}}", API_KEY);
        let config = config.replace("{{instances}}", &instances.to_string());
        fs::write(directory.join("config.capnp"), config)?;
        let mut command = Command::new(packages.join("node_modules/.bin/workerd"));
        command.args(["serve", "config.capnp", "--control-fd=1"]).current_dir(&directory);
        // Its log has each request.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
        let line = tokio::time::timeout(START_LIMIT, lines.next_line()).await??;
        let said: Value = serde_json::from_str(&line.unwrap_or_default())?;
        let port = said["port"].as_u64().ok_or_else(|| io::Error::other(format!("workerd says {said}")))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), directory, _process: process })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // What is left of a directory of packages harms nobody.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The directory with the packages and the worker that is built of them.
async fn install(packages: &Path) -> io::Result<PathBuf> {
    let _one = INSTALL.lock().await;
    let directory = packages.join("cloudflare-bridge");
    let inputs = [("package.json", MANIFEST), ("package-lock.json", LOCK), ("worker.js", WORKER)];
    let built = directory.join("bundle.js");
    let is_current =
        |(name, text): (&str, &str)| fs::read_to_string(directory.join(name)).is_ok_and(|found| found == text);
    if built.exists() && inputs.into_iter().all(is_current) {
        return Ok(directory);
    }
    fs::create_dir_all(&directory)?;
    // What was built of other packages is not taken for what these are built to, should installing them fail.
    if built.exists() {
        fs::remove_file(&built)?;
    }
    for (name, text) in inputs {
        fs::write(directory.join(name), text)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(npm.current_dir(&directory), INSTALL_LIMIT).await?;
    let mut esbuild = Command::new(directory.join("node_modules/.bin/esbuild"));
    esbuild.args(["worker.js", "--bundle", "--format=esm", "--outfile=bundle.js", "--log-level=error"]);
    esbuild.args(["--external:cloudflare:*", "--external:node:*"]);
    run(esbuild.current_dir(&directory), START_LIMIT).await?;
    Ok(directory)
}

async fn run(command: &mut Command, limit: Duration) -> io::Result<()> {
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(limit, running).await??;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(format!("{:?}: {}\n{said}", command.as_std().get_program(), output.status)))
}
