//! An engine of the tests' own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use flue_sandbox_remote_docker::Docker;
use flue_sandbox_remote_kit::Remote;

/// Held by tests that keep the machine busy, one at a time: their times mean nothing otherwise.
pub(crate) static BUSY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Which engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Docker,
    Podman,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// It ends when its standard input does, which is when this process ends, however it does.
pub(crate) struct Engine {
    _process: Child,
    dir: PathBuf,
    pub(crate) kind: Kind,
}

impl Engine {
    /// Starts one; why not, where this machine has none.
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        Self::start_with(kind, &[])
    }

    /// Starts one of the same kind that lacks a program for the first process of a container.
    pub(crate) fn without_init(kind: Kind) -> Self {
        Self::start_with(kind, &["no-init"]).unwrap()
    }

    fn start_with(kind: Kind, args: &[&str]) -> Result<Self, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine.sh");
        let mut command = Command::new("sh");
        command.args([script, kind.name()]).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let said = lines.next().unwrap().unwrap();
        match said.strip_prefix("missing ") {
            Some(what) => {
                process.wait().unwrap();
                Err(what.to_owned())
            }
            None => Ok(Self { _process: process, dir: said.into(), kind }),
        }
    }

    pub(crate) fn docker(&self) -> Docker {
        self.image("local/base:1")
    }

    pub(crate) fn image(&self, image: &str) -> Docker {
        Docker::at(self.dir.join("engine.sock"), image)
    }

    pub(crate) fn remote(&self, owner: &str) -> Remote {
        Remote::new(self.docker()).owner(owner)
    }

    /// Runs Docker's own client, which speaks to both.
    pub(crate) fn client(&self, args: &[&str]) -> String {
        let output = Command::new("docker").arg("-H").arg(self.address()).args(args).output().unwrap();
        assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the engine wrote about its work.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap()
    }

    /// Asks the engine for a stream, and goes away once `up` has come: what did not begin is not begun any more.
    pub(crate) fn begin_and_leave(&self, path: &str, body: &[u8]) {
        let mut stream = self.send("POST", path, body);
        let mut came = Vec::new();
        while !came.ends_with(b"up\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            came.extend(byte);
        }
    }

    /// Asks the engine by its own interface, past this crate: the status, and what it says.
    pub(crate) fn raw(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = self.send(method, path, body);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let begin = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let said = answer.split_off(begin);
        let head = String::from_utf8(answer).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), said)
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> UnixStream {
        let mut stream = UnixStream::connect(self.dir.join("engine.sock")).unwrap();
        let kind = if path.contains("/archive") { "application/x-tar" } else { "application/json" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    }

    fn address(&self) -> String {
        format!("unix://{}", self.dir.join("engine.sock").display())
    }
}
