//! An agent of the tests' own: OpenSSH's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::server::Server;

pub(crate) struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    pub(crate) fn start(server: &Server) -> Self {
        let socket = server.file("agent.sock");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
        let process = command.spawn().unwrap();
        let agent = Self { process, socket };
        while !agent.socket.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        agent
    }

    pub(crate) fn add(&self, key: &Path) {
        let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &self.socket).status().unwrap();
        assert!(added.success(), "{}", key.display());
    }

    pub(crate) fn named(&self) -> flue_sandbox_remote_ssh::Agent {
        flue_sandbox_remote_ssh::Agent::At(self.socket.clone())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
