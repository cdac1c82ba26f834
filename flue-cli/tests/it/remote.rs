//! Sandboxes in containers, over SSH and in pods, with servers of the tests' own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use crate::support::{Done, Place};

/// Where the scripts that start servers are.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../flue-sandbox-remote");

/// A server that ends when this process does: its standard input ends then.
struct Server {
    _process: Child,
    /// What it said, a line each: its directory first.
    said: Vec<String>,
}

/// Starts one, whose script says so many lines; what is missing, where it cannot be.
fn start(script: &str, args: &[&str], lines: usize) -> Result<Server, String> {
    let mut command = Command::new("sh");
    command.arg(format!("{SCRIPTS}/{script}")).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let said: Vec<String> =
        BufReader::new(process.stdout.take().unwrap()).lines().take(lines).map_while(Result::ok).collect();
    if said.len() == lines && !said[0].starts_with("missing") {
        return Ok(Server { _process: process, said });
    }
    drop(process.stdin.take());
    process.wait().unwrap();
    Err(said.first().cloned().unwrap_or_else(|| "the script said nothing".to_owned()))
}

/// The server, or a word that this test is skipped. `CI` demands one.
fn or_skip(server: &'static Result<Server, String>, test: &str) -> Option<&'static Server> {
    server
        .as_ref()
        .inspect_err(|missing| {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            flue_core_testkit::skip(test, missing);
        })
        .ok()
}

static ENGINE: LazyLock<Result<Server, String>> = LazyLock::new(|| start("docker/tests/engine.sh", &["docker"], 1));

const PROMPT: &str = "Review document.md and write your findings to review.md.";

#[test]
fn a_container_is_worked_in_kept_listed_and_deleted() {
    let Some(engine) = or_skip(&ENGINE, "remote::a_container_is_worked_in_kept_listed_and_deleted") else { return };
    let place = Place::new();
    place.write("document.md", "# Title\n\nTODO: write it.\n");
    let host = format!("unix://{}/engine.sock", engine.said[0]);
    let flue = |args: &[&str]| -> Done { place.flue(args).env("DOCKER_HOST", &host).run() };
    let at = ["--sandbox", "docker:local/base:1"];
    let review = [&["run", "-q", "-m", PROMPT, "--model", "scripted/reviewer"][..], &at].concat();
    flue(&[&review[..], &["--stage", "document.md", "--collect", "review.md"]].concat()).code(0);
    assert!(place.read("review.md").contains("TODO: write it."));
    assert_eq!(flue(&["sandboxes", "list", "docker"]).code(0).stdout, "", "what is not to be kept is gone");

    let kept = [&["exec"][..], &at, &["--keep=mine"]].concat();
    assert_eq!(flue(&[&kept[..], &["echo here >file; cat file"]].concat()).code(0).stdout, "here\n");
    let listed = flue(&["sandboxes", "list", "docker"]).code(0).stdout;
    let id = listed.strip_prefix("running  ").unwrap().trim();
    assert_eq!(flue(&["sandboxes", "stop", "docker", id]).code(0).stdout.trim(), id);
    assert!(flue(&["sandboxes", "list", "docker"]).code(0).stdout.starts_with("stopped"));
    assert_eq!(flue(&[&kept[..], &["cat file"]].concat()).code(0).stdout, "here\n", "it is started again");
    assert_eq!(flue(&["sandboxes", "sweep", "docker"]).code(0).stdout, "", "it has no time after which it may go");
    let done = flue(&["sandboxes", "delete", "docker", "another"]);
    assert!(done.stderr.contains("there is no such sandbox"), "{}", done.stderr);
    assert_eq!(flue(&["sandboxes", "delete", "docker", id]).code(0).stdout.trim(), id);
    assert_eq!(flue(&["sandboxes", "list", "docker"]).code(0).stdout, "");
}

#[test]
fn what_a_provider_needs_is_named() {
    let place = Place::new();
    for (sandbox, wanted) in [
        ("e2b", "E2B_API_KEY"),
        ("daytona", "DAYTONA_API_KEY"),
        ("cloudflare", "CLOUDFLARE_SANDBOX_WORKER_URL"),
        ("docker", "docker:IMAGE"),
    ] {
        let done = place.flue(["exec", "--sandbox", sandbox, "true"]).run().code(2);
        assert!(done.stderr.contains(wanted), "{sandbox}: {}", done.stderr);
    }
}

#[cfg(feature = "ssh")]
#[test]
fn a_machine_over_ssh_is_worked_on() {
    static SERVER: LazyLock<Result<Server, String>> = LazyLock::new(|| start("ssh/tests/sshd.sh", &[], 2));
    let Some(server) = or_skip(&SERVER, "remote::a_machine_over_ssh_is_worked_on") else { return };
    let (dir, port) = (std::path::PathBuf::from(&server.said[0]), &server.said[1]);
    let place = Place::new();
    place.write("document.md", "# Title\n\nTODO: write it.\n");
    for (from, to) in [("id", ".ssh/id_ed25519"), ("known_hosts", ".ssh/known_hosts")] {
        place.write(to, std::fs::read(dir.join(from)).unwrap());
    }
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    let address = format!("ssh://{}@127.0.0.1:{port}{}", user.trim(), place.path("work").display());
    std::fs::create_dir(place.path("work")).unwrap();
    let flue = |args: &[&str]| place.flue(args).env("HOME", place.path("").to_str().unwrap()).run();
    let args = ["run", "-q", "-m", PROMPT, "--model", "scripted/reviewer", "--sandbox", &address];
    let done = flue(&[&args[..], &["--stage", "document.md", "--collect", "review.md"]].concat()).code(0);
    assert!(place.read("review.md").contains("TODO: write it."), "{}", done.stderr);
    assert_eq!(flue(&["exec", "--sandbox", &address, "cat review.md"]).code(0).stdout, place.read("review.md"));
    // By an alias of ssh_config, and an RSA key where one usually is.
    std::fs::remove_file(place.path(".ssh/id_ed25519")).unwrap();
    place.write(".ssh/id_rsa", std::fs::read(dir.join("rsa")).unwrap());
    place.write(".ssh/config", format!("Host box\n  HostName 127.0.0.1\n  Port {port}\n"));
    let alias = format!("ssh://box{}", place.path("work").display());
    assert_eq!(flue(&["exec", "--sandbox", &alias, "cat review.md"]).code(0).stdout, place.read("review.md"));
    std::fs::write(place.path(".ssh/known_hosts"), "").unwrap();
    let done = flue(&["exec", "--sandbox", &address, "true"]);
    assert!(done.code != Some(0) && done.stderr.contains("known_hosts"), "{}", done.stderr);
}

#[cfg(all(feature = "kubernetes", target_os = "linux"))]
#[test]
fn a_pod_of_a_pool_is_worked_in_kept_listed_and_deleted() {
    use flue_sandbox_remote_testkit::kubernetes::{Kubernetes, NAMESPACE, POOL, TOKEN};
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(Kubernetes::start()).unwrap();
    let place = Place::new();
    place.write("document.md", "# Title\n\nTODO: write it.\n");
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": NAMESPACE}}],
        "clusters": [{"name": "here", "cluster": {"server": cluster.url()}}],
        "users": [{"name": "me", "user": {"token": TOKEN}}],
    });
    // What `kubectl` takes is YAML, of which JSON is a part.
    place.write("cluster.yaml", config.to_string());
    let config = place.path("cluster.yaml");
    let flue = |args: &[&str]| -> Done { place.flue(args).env("KUBECONFIG", config.to_str().unwrap()).run() };
    let pool = format!("k8s:{POOL}");
    let at = ["--sandbox", &*pool];
    let review = [&["run", "-q", "-m", PROMPT, "--model", "scripted/reviewer"][..], &at].concat();
    let done = flue(&[&review[..], &["--stage", "document.md", "--collect", "review.md"]].concat()).code(0);
    assert!(place.read("review.md").contains("TODO: write it."), "{}", done.stderr);
    assert_eq!(flue(&["sandboxes", "list", &pool]).code(0).stdout, "", "what is not to be kept is gone");

    let kept = [&["exec"][..], &at, &["--keep=mine"]].concat();
    assert_eq!(flue(&[&kept[..], &["echo here >file; cat file"]].concat()).code(0).stdout, "here\n");
    assert_eq!(flue(&[&kept[..], &["cat file"]].concat()).code(0).stdout, "here\n");
    let listed = flue(&["sandboxes", "list", &pool]).code(0).stdout;
    let id = listed.strip_prefix("running  ").unwrap().trim();
    let done = flue(&["sandboxes", "stop", &pool, id]);
    assert!(done.code != Some(0) && done.stderr.contains("loses its files"), "{}", done.stderr);
    assert_eq!(flue(&["sandboxes", "delete", &pool, id]).code(0).stdout.trim(), id);
    assert_eq!(flue(&["sandboxes", "list", &pool]).code(0).stdout, "");

    let done = flue(&["exec", "--sandbox", "k8s:nowhere", "true"]);
    assert!(done.code != Some(0) && done.stderr.contains("WarmPoolNotFound"), "{}", done.stderr);
    let done = flue(&["exec", "--sandbox", "k8s", "true"]).code(2);
    assert!(done.stderr.contains("k8s:POOL"), "{}", done.stderr);
    let missing = place.path("missing.yaml");
    let done = place.flue(["exec", "--sandbox", &pool, "true"]).env("KUBECONFIG", missing.to_str().unwrap()).run();
    assert!(done.code != Some(0) && done.stderr.contains("KUBECONFIG"), "{}", done.stderr);
}
