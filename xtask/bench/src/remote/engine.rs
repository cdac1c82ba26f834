//! Docker and Podman, and their own programs.

use std::path::Path;

use flue_core::Result;
use flue_sandbox_remote::docker::Docker;
use tokio::runtime::Runtime;

use super::client::Program;
use super::script::Server;
use super::{Load, Place, open};

/// An engine: what the script calls it, how its program is told where it listens, and what a row calls that program.
pub(super) struct Engine {
    name: &'static str,
    program: &'static [&'static str],
    client: &'static str,
}

pub(super) const DOCKER: Engine = Engine { name: "docker", program: &["docker", "-H"], client: "docker exec, cp" };
pub(super) const PODMAN: Engine =
    Engine { name: "podman", program: &["podman", "--remote", "--url"], client: "podman exec, cp" };

/// BusyBox with bash, which the script makes.
const IMAGE: &str = "local/base:1";

/// Starts one.
pub(super) fn start(runtime: &Runtime, load: &Load, engine: &Engine) -> Result<Place> {
    let server = Server::start("docker/tests/engine.sh", &[engine.name], 1)?;
    let socket = Path::new(&server.said[0]).join("engine.sock");
    let address = format!("unix://{}", socket.display());
    let sandbox = runtime.block_on(open(Docker::at(socket, IMAGE)))?;
    let there = format!("{}:{}", sandbox.machine(), Place::others(&sandbox));
    let [large, small, came] = [load.large(), load.small(), load.came()].map(|path| path.display().to_string());
    let line = |args: &[&str]| [engine.program, &[&*address], args].concat().into_iter().map(str::to_owned).collect();
    let [at_large, at_small] = ["large", "small"].map(|name| format!("{there}/{name}"));
    let lines = [
        line(&["exec", sandbox.machine(), "true"]),
        line(&["cp", &large, &at_large]),
        line(&["cp", &at_large, &came]),
        line(&["cp", &small, &at_small]),
    ];
    let client = Box::new(Program::new(engine.client, load, lines));
    Ok(Place { sandbox, clients: vec![client], is_stand_in: false, _held: Box::new(server) })
}
