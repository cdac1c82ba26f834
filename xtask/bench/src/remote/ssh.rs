//! An OpenSSH server on the loopback address, and the program `ssh`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind, Result, SandboxPath};
use flue_sandbox_remote::ssh::{Ssh, Target};
use tokio::runtime::Runtime;

use super::client::{Client, Program};
use super::script::Server;
use super::{Load, Place, open};
use crate::scratch::failed;

const HOST: &str = "127.0.0.1";
/// How long the shared connection may take to be there, and how often that is looked for.
const CONNECT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Starts it.
pub(super) fn start(runtime: &Runtime, load: &Load) -> Result<Place> {
    let server = Server::start("ssh/tests/sshd.sh", &[], 2)?;
    let dir = PathBuf::from(&server.said[0]);
    // For its tests the login shell talks. Here nobody is to pay for that.
    let profile = dir.join("home/.bashrc");
    std::fs::write(&profile, "").map_err(|error| failed("write", &profile, error))?;
    let bad = |why: &'static str| Error::new(ErrorKind::Internal, "start an SSH server", why);
    let user = Command::new("id").arg("-un").output().map_err(|error| failed("run", Path::new("id"), error))?;
    let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
    let mut target = Target::new(HOST);
    target.port = Some(server.said[1].parse().map_err(|_| bad("it says no port"))?);
    target.user = Some(user.clone());
    target.identities = Some(vec![dir.join("id")]);
    target.known_hosts = Some(vec![dir.join("known_hosts")]);
    let work = dir.join("work/bench");
    let work = SandboxPath::new(work.to_str().ok_or_else(|| bad("its directory is no text"))?)?;
    let sandbox = runtime.block_on(open(Ssh::beneath(target, work)))?;

    let [identity, known, control] = ["id", "known_hosts", "control"].map(|name| dir.join(name).display().to_string());
    let known = format!("UserKnownHostsFile={known}");
    let address = format!("{user}@{HOST}");
    let alone = ["ssh", "-F", "none", "-p", &server.said[1], "-i", &identity, "-o", &known, "-o", "BatchMode=yes"];
    let shared = [&alone[..], &["-S", &control]].concat();
    let master = Master::start(&[&shared[1..], &["-M", "-N", &address]].concat(), Path::new(&control))?;
    let there = Place::others(&sandbox);
    let program = |name, ssh: &[&str]| -> Box<dyn Client> {
        let line = |command: &str| [ssh, &[&*address, command]].concat().into_iter().map(str::to_owned).collect();
        let small = load.small().display().to_string();
        // Files go as people send them: an archive through a pipe.
        let pipe = r#"dir=$1; shift; tar -C "$dir" -c . | "$@""#;
        let unpack = format!("mkdir {there}/small && tar -C {there}/small -x");
        let files = ["sh", "-c", pipe, "sh", &small].map(str::to_owned).into_iter().chain(line(&unpack)).collect();
        let lines = [line("true"), line(&format!("cat >{there}/large")), line(&format!("cat {there}/large")), files];
        Box::new(Program::new(name, load, lines))
    };
    let clients = vec![program("ssh, one connection", &shared), program("ssh, a new one each", &alone)];
    Ok(Place { sandbox, clients, is_stand_in: false, _held: Box::new((master, server)) })
}

/// The connection that `ssh` shares; it ends with this value.
struct Master(Child);

impl Master {
    fn start(args: &[&str], control: &Path) -> Result<Self> {
        let mut command = Command::new("ssh");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
        let master = Self(command.spawn().map_err(|error| failed("run", Path::new("ssh"), error))?);
        let begun = Instant::now();
        while !control.exists() {
            if begun.elapsed() > CONNECT {
                let why = "the connection that ssh shares is not there in time";
                return Err(Error::new(ErrorKind::Timeout, "connect", why).with("seconds", CONNECT.as_secs()));
            }
            thread::sleep(POLL);
        }
        Ok(master)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
