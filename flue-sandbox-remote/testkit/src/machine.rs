//! One sandbox's machine: a directory of this one, and the processes that run for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::sync::watch;

/// The variable by which the processes of a sandbox are found, whatever they did to leave their group or session.
const MARKER: &str = "FLUE_FAKE_SANDBOX";
/// Most rounds of signalling, for processes that fork meanwhile.
const MAX_ROUNDS: usize = 20;

/// A directory that stands for a sandbox's disk. Dropping it ends its processes and removes it.
#[derive(Debug)]
pub(crate) struct Machine {
    id: String,
    root: PathBuf,
    /// The home directory's path, as the provider's users know it.
    home: &'static str,
    dead: watch::Sender<bool>,
}

impl Machine {
    /// An empty disk.
    pub(crate) fn new(id: &str, home: &'static str) -> io::Result<Self> {
        let root = std::env::temp_dir().join(format!("flue-fake-{}-{}", std::process::id(), random_id()?));
        let machine = Self { id: id.to_owned(), root, home, dead: watch::Sender::new(false) };
        fs::create_dir_all(machine.home())?;
        fs::create_dir_all(machine.temporary())?;
        Ok(machine)
    }

    /// The home directory on this machine.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join(self.home.trim_start_matches('/'))
    }

    /// Where this machine's temporary files are: they go with it.
    fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where a path of the sandbox lies on this machine. Relative ones start at the home directory; the home directory
    /// under the provider's own name is the sandbox's; any other absolute path is this machine's own.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        match Path::new(path).strip_prefix(self.home) {
            Ok(inside) => self.home().join(inside),
            Err(_) => self.home().join(path),
        }
    }

    /// A command that belongs to this machine: only its own variables, started at home.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", self.temporary())
            .env(MARKER, &self.id)
            .current_dir(self.home());
        command
    }

    /// Ends every process, and every stream of their output before its end.
    pub(crate) fn end(&self) {
        self.dead.send_replace(true);
        self.signal_all(Signal::KILL);
    }

    /// Lets a machine that ended run again, with its disk.
    pub(crate) fn revive(&self) {
        self.dead.send_replace(false);
    }

    /// Whether, and when, this machine has ended.
    pub(crate) fn death(&self) -> watch::Receiver<bool> {
        self.dead.subscribe()
    }

    /// Sends a signal to every process of this machine, until a round finds none that is new to it.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let mark = format!("{MARKER}={}", self.id);
        let mut seen = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let found: Vec<Pid> = marked(&mark).into_iter().filter(|pid| !seen.contains(pid)).collect();
            if found.is_empty() {
                return;
            }
            for pid in found {
                // It may have ended by itself since.
                let _ = kill_process(pid, signal);
                seen.push(pid);
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
        // What is left of a temporary directory harms nobody.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The processes that carry `mark` in their environment.
fn marked(mark: &str) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// A name that nobody guesses: 16 random bytes in URL-safe base64, of letters and digits alone.
pub(crate) fn random_id() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).replace(['-', '_'], "x").to_lowercase())
}
