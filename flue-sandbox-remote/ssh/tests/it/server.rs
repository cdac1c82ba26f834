//! An SSH server of the tests' own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use flue_core::SandboxPath;
use flue_sandbox_remote_kit::Remote;
use flue_sandbox_remote_ssh::{Ssh, Target};

/// It ends when its standard input does, which is when this process ends, however it does.
pub(crate) struct Server {
    _process: Child,
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
}

static SERVER: LazyLock<Option<Server>> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sshd.sh");
    let mut process = Command::new("sh").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let dir = lines.next().unwrap().unwrap();
    if dir == "missing" {
        process.wait().unwrap();
        return None;
    }
    let port = lines.next().unwrap().unwrap().parse().unwrap();
    Some(Server { _process: process, dir: dir.into(), port })
});

/// Held by tests that keep the machine busy, one at a time: their times mean nothing otherwise.
pub(crate) static BUSY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The server, or a word that this test is skipped. `CI` demands one: its script installs the package.
pub(crate) fn server(test: &str) -> Option<&'static Server> {
    if SERVER.is_none() {
        assert!(std::env::var_os("CI").is_none(), "no sshd; is the package openssh-server installed?");
        flue_core_testkit::skip(test, "no sshd (package openssh-server)");
    }
    SERVER.as_ref()
}

impl Server {
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The machine, with nothing that lets us in.
    pub(crate) fn stranger(&self) -> Target {
        let mut target = Target::new("127.0.0.1");
        target.port = Some(self.port);
        target.user = Some(user());
        target
    }

    /// The machine, with the right keys.
    pub(crate) fn target(&self) -> Target {
        let mut target = self.stranger();
        target.identities = Some(vec![self.file("id")]);
        target.identities_only = true;
        target.known_hosts = Some(vec![self.file("known_hosts")]);
        target
    }

    /// Workspaces beneath a directory called `name`.
    pub(crate) fn ssh(&self, name: &str) -> Ssh {
        Ssh::beneath(self.target(), self.work(name))
    }

    pub(crate) fn remote(&self, name: &str) -> Remote {
        Remote::new(self.ssh(name))
    }

    pub(crate) fn work(&self, name: &str) -> SandboxPath {
        SandboxPath::new(self.file("work").join(name).to_str().unwrap()).unwrap()
    }
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
