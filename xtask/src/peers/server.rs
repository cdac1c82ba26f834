//! A server of somebody else's, while a check lasts.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::{Failure, Outcome};

/// How long a server may take to answer; a first start installs it.
const START_LIMIT: Duration = Duration::from_secs(300);

/// A server that ends with this value.
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) port: u16,
    child: Child,
}

impl Server {
    pub(super) fn start(dir: &Path, name: &'static str, port: u16, env: &[(&str, &OsStr)]) -> Outcome<Self> {
        let script = dir.join(name).join("start.sh");
        let child = Command::new("bash")
            .arg(&script)
            .arg(port.to_string())
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(format!("{}: {error}", script.display())))?;
        let mut server = Self { name, port, child };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(Failure::new(format!("{} ended: {status}", script.display())));
            }
            if begun.elapsed() > START_LIMIT {
                return Err(Failure::new(format!("{} does not listen on port {port}", script.display())));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    pub(super) fn wait_until_healthy(&self) -> Outcome {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if self.get("/health").is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Err(Failure::new(format!("{} does not become healthy", self.name)))
    }

    pub(super) fn get(&self, path: &str) -> Outcome<String> {
        self.request("GET", path, "")
    }

    pub(super) fn post(&self, path: &str, body: &str) -> Outcome<String> {
        self.request("POST", path, body)
    }

    /// One HTTP/1.0 request, so that the reply ends with the connection.
    fn request(&self, method: &str, path: &str, body: &str) -> Outcome<String> {
        let failed = |error: std::io::Error| Failure::new(format!("{} {path}: {error}", self.name));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(failed)?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).map_err(failed)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).map_err(failed)?;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        match head.split(' ').nth(1) {
            Some(status) if status.starts_with('2') => Ok(body.to_owned()),
            _ => Err(Failure::new(format!("{} {path}: {}", self.name, head.lines().next().unwrap_or("no reply")))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
