//! The same work on other machines: over a real SSH server and in a container of a real engine, which the scripts of the adapters'
//! tests start. What this machine cannot start is named.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::fix;
use super::job::Job;
use super::server::Server;
use super::start_model;
use super::wires::{WIRES, Wire};
use crate::process;
use crate::report::{Failure, Outcome};

/// The scripts, from the root of the workspace.
const SSH: &str = "flue-sandbox-remote/ssh/tests/sshd.sh";
const ENGINE: &str = "flue-sandbox-remote/docker/tests/engine.sh";
/// The engine's image of BusyBox and bash, with this machine's `make` and what that is linked to.
const IMAGE: &str = "local/make:1";
const MAKE_IMAGE: &str = r#"set -eu
make=$(command -v make)
id=$(docker create local/base:1 true)
tar -ch -C / "${make#/}" $(ldd "$make" | grep -o '/[^ )]*' | cut -c 2- | sort -u) | docker cp - "$id":/
docker commit "$id" "$1" >/dev/null
docker rm "$id" >/dev/null"#;
/// The model that is a script, and the job that it knows.
const REVIEWER: &str = "scripted/reviewer";
const REVIEW: &str = "Review document.md and write your findings to review.md.";

/// A machine, and how `flue` finds it.
struct Place {
    name: &'static str,
    sandbox: String,
    env: Vec<(&'static str, String)>,
    _server: Started,
}

/// Plays the review with the scripted model, and then the fix with the real one, on each machine. Which wire the model is behind
/// makes no difference there: one of them.
pub(super) fn other_machines(job: &Job, dir: &Path, port: u16) -> Outcome {
    let server = start_model(job, dir, port)?;
    server.wait_until_healthy()?;
    let no_wire = || Failure::new(format!("{}: no wire leads to it", server.name));
    let wire = WIRES.iter().find(|wire| wire.llamacpp.is_some()).ok_or_else(no_wire)?;
    for (name, start) in [("ssh", ssh as fn(&Job) -> Outcome<Option<Place>>), ("docker", docker)] {
        let Some(place) = start(job)? else { continue };
        reviewed(job, &place)?;
        println!("ok    {REVIEWER}, {name}: the review came back");
        let case = format!("{}, {}, {}, a test mended", server.name, wire.name, place.name);
        let attempt = fixed(job, &server, wire, &place, &case)?;
        println!("ok    {case}: at try {attempt}");
    }
    Ok(())
}

fn reviewed(job: &Job, place: &Place) -> Outcome {
    let review = job.scratch.join("review.md");
    let _ = fs::remove_file(&review);
    let document = format!("{}:document.md", job.document.display());
    let mut command = Command::new(&job.flue);
    command.args(["run", "-q", "-m", REVIEW, "--model", REVIEWER, "--sandbox", &place.sandbox]);
    command.args(["--stage", &document, "--collect", "review.md"]).current_dir(&job.scratch);
    place.find(&mut command).stdin(Stdio::null()).stdout(Stdio::null());
    process::run(command)?;
    if job.collected("review.md")?.contains("TODO") {
        return Ok(());
    }
    Err(Failure::new(format!("{REVIEWER}, {}: the review does not name what is to do", place.name)))
}

/// At which try the model ran what mends the test.
fn fixed(job: &Job, server: &Server, wire: &Wire, place: &Place, case: &str) -> Outcome<u32> {
    let agent = fix::agent(job)?.display().to_string();
    for attempt in 1..=fix::TRIES {
        let repository = fix::repository(job)?;
        let mut args = vec![agent.clone(), "-m".into(), fix::PROMPT.into(), "--sandbox".into(), place.sandbox.clone()];
        for (name, _) in fix::FILES {
            args.extend(["--stage".into(), format!("{}:{name}", repository.join(name).display())]);
        }
        args.extend(["--collect".into(), format!("add.py:{}", repository.join("add.py").display())]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = job.command(wire, server, &args);
        let output = place.find(&mut command).output();
        let output = output.map_err(|error| Failure::new(format!("{}: {error}", job.flue.display())))?;
        if output.status.success() && fix::tests_pass(&repository)? {
            return Ok(attempt);
        }
    }
    Err(Failure::new(format!("{case}: not in {} tries", fix::TRIES)))
}

impl Place {
    fn find<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // The keys of whoever runs this are nobody's business here.
        command.env_remove("SSH_AUTH_SOCK").envs(self.env.iter().map(|(name, value)| (name, value)))
    }
}

fn ssh(job: &Job) -> Outcome<Option<Place>> {
    let Some(server) = Started::start(job, "ssh", &[SSH], 2)? else { return Ok(None) };
    let (dir, port) = (Path::new(&server.said[0]), &server.said[1]);
    let home = job.scratch.join("home");
    let keys = home.join(".ssh");
    let cannot = |error: std::io::Error| Failure::new(format!("{}: {error}", keys.display()));
    fs::create_dir_all(&keys).map_err(cannot)?;
    for (from, to) in [("id", "id_ed25519"), ("known_hosts", "known_hosts")] {
        fs::copy(dir.join(from), keys.join(to)).map_err(cannot)?;
    }
    let work = dir.join("work");
    let mut id = process::program("id", dir);
    id.arg("-un");
    let user = process::capture(id)?;
    let sandbox = format!("ssh://{}@127.0.0.1:{port}{}", user.trim(), work.display());
    Ok(Some(Place { name: "ssh", sandbox, env: vec![("HOME", home.display().to_string())], _server: server }))
}

fn docker(job: &Job) -> Outcome<Option<Place>> {
    let Some(server) = Started::start(job, "docker", &[ENGINE, "docker"], 1)? else { return Ok(None) };
    let host = format!("unix://{}/engine.sock", server.said[0]);
    let mut image = process::program("sh", &job.scratch);
    image.args(["-c", MAKE_IMAGE, "sh", IMAGE]).env("DOCKER_HOST", &host);
    process::run(image)?;
    let sandbox = format!("docker:{IMAGE}");
    Ok(Some(Place { name: "docker", sandbox, env: vec![("DOCKER_HOST", host)], _server: server }))
}

/// A server that ends with this value: its script ends it when standard input ends.
struct Started {
    process: Child,
    /// What the script said, a line each: its directory first.
    said: Vec<String>,
}

impl Started {
    /// Starts one, whose script says so many lines; none, and a word why, where something is missing.
    fn start(job: &Job, name: &str, script: &[&str], lines: usize) -> Outcome<Option<Self>> {
        let mut command = Command::new("sh");
        command.args(script).current_dir(&job.root).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| Failure::new(format!("{}: {error}", script[0])))?;
        let out = process.stdout.take().map(BufReader::new);
        let said = out.into_iter().flat_map(BufReader::lines).take(lines).map_while(Result::ok).collect();
        let started = Self { process, said };
        match started.said.first() {
            Some(missing) if missing.starts_with("missing") => {
                println!("skip  {name}: {missing}");
                Ok(None)
            }
            _ if started.said.len() < lines => Err(Failure::new(format!("{}: it started no server", script[0]))),
            _ => Ok(Some(started)),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It cleans up and ends by itself.
        let _ = self.process.wait();
    }
}
