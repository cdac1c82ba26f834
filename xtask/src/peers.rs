//! `peers DIR [CHECK…] [--flue PROGRAM]`: runs the review job of the README and the harness's hard cases against independent model
//! servers, over real sockets.
//!
//! DIR holds a start script for each server, `aimock/start.sh`, `llmock/start.sh` and `llamacpp/start.sh`, which takes a
//! port. Not part of `ci`: the servers are not ours to install. After the servers, the types of the official SDKs read what
//! goes out over each wire. [`CHECKS`] are all there are; named ones run alone.

mod fix;
mod harness;
mod job;
mod remote;
mod server;
mod wires;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use self::job::Job;
use self::server::Server;
use self::wires::WIRES;
use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// How often the real model may answer without a tool.
const REAL_MODEL_TRIES: u32 = 8;
/// The first of the ports that the servers listen on.
const FIRST_PORT: u16 = 4810;
/// How the real model is shown a conversation: by examples next to the question, or one so small sees no tools behind the
/// long text that a harness puts before them.
const TEMPLATE: &str = include_str!("peers/tools.jinja");
/// Reads bodies with the types of the official SDKs.
const CHECK_BODIES: &str = include_str!("peers/check_bodies.py");
/// Everything that has a wire here, and the machines over SSH.
const FEATURES: &str = "bedrock,ssh";

/// Runs against a server that is to listen on this port.
type Check = fn(&Job, &Path, u16) -> Outcome;

/// What there is to check, in this order.
const CHECKS: &[(&str, Check)] = &[
    ("jobs", scripted_server),
    ("switches", switches),
    ("cases", harness::hard_cases),
    ("model", real_model),
    ("machines", remote::other_machines),
    ("faults", fault_injector),
    ("sdks", official_sdks),
];

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let (args, built) = match args {
        [args @ .., flag, program] if flag == "--flue" => (args, Some(PathBuf::from(program))),
        args => (args, None),
    };
    let is_check = |name: &String| CHECKS.iter().any(|(check, _)| check == name);
    let Some((dir, names)) = args.split_first().filter(|(_, names)| names.iter().all(is_check)) else {
        let all: Vec<_> = CHECKS.iter().map(|(check, _)| *check).collect();
        return Err(Failure::Usage(format!(
            "`peers` takes the directory of the servers' start scripts, names of checks ({}), and --flue PROGRAM where it \
             is built",
            all.join(" ")
        )));
    };
    let workspace = Workspace::load()?;
    let flue = match built {
        // It is started elsewhere.
        Some(program) => {
            std::path::absolute(&program).map_err(|error| Failure::new(format!("{}: {error}", program.display())))?
        }
        None => {
            let build = ["build", "--quiet", "--package", "flue-cli", "--features", FEATURES];
            process::run(process::cargo(&workspace.root, &build))?;
            workspace.root.join("target/debug/flue")
        }
    };
    process::run(process::cargo(&workspace.root, &["build", "--quiet", "--package", "xtask-drive"]))?;
    let drive = workspace.root.join("target/debug/xtask-drive");
    let document = workspace.root.join("flue-cli/examples/review/document.md");
    let scratch = std::env::temp_dir().join(format!("flue-peers-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| Failure::new(format!("{}: {error}", scratch.display())))?;
    let job = Job { root: workspace.root.clone(), flue, drive, document, scratch: scratch.clone() };
    let dir = Path::new(dir);
    let outcome = CHECKS
        .iter()
        .zip(FIRST_PORT..)
        .filter(|((name, _), _)| names.is_empty() || names.iter().any(|wanted| wanted == name))
        .try_for_each(|((_, check), port)| check(&job, dir, port));
    // What is left there after a failure shows what came out of the runs.
    if outcome.is_ok() {
        let _ = fs::remove_dir_all(&scratch);
    }
    outcome
}

/// aimock plays the job turn by turn: read, bash, write, answer.
fn scripted_server(job: &Job, dir: &Path, port: u16) -> Outcome {
    let call = |turn: u32, id: &str, name: &str, arguments: Value| {
        json!({
            "match": {"userMessage": "Review document.md", "turnIndex": turn},
            "response": {"toolCalls": [{"id": id, "name": name, "arguments": arguments}]},
        })
    };
    let fixtures = json!({"fixtures": [
        call(0, "call_1", "read", json!({"path": "document.md"})),
        call(1, "call_2", "bash", json!({"command": "grep -c TODO document.md | tee todo-count"})),
        call(2, "call_3", "write", json!({"path": "review.md", "content": "# Review\n\nSee todo-count.\n"})),
        {
            "match": {"userMessage": "Review document.md", "turnIndex": 3},
            "response": {"content": "The review is in review.md."},
        },
    ]});
    let path = job.scratch.join("aimock.json");
    fs::write(&path, fixtures.to_string()).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let server = Server::start(dir, "aimock", port, &[("AIMOCK_FIXTURES", path.as_os_str())])?;
    let text = fs::read_to_string(&job.document).map_err(|error| Failure::new(error.to_string()))?;
    let todos = text.lines().filter(|line| line.contains("TODO")).count();
    for wire in &WIRES {
        let case = format!("aimock, {}", wire.name);
        let reply = job.review(wire, &server, &["todo-count", "review.md"])?;
        expect(&case, "turns", &reply["turns"], &json!(4))?;
        expect(&case, "text", &reply["text"], &json!("The review is in review.md."))?;
        let counted = job.collected("todo-count")?;
        expect(&case, "TODO lines that grep counted", &json!(counted.trim()), &json!(todos.to_string()))?;
        println!("ok    {case}");
    }
    Ok(())
}

/// Every model takes over from every other one, over aimock: `flue-models` has the test, which is the client.
fn switches(job: &Job, dir: &Path, port: u16) -> Outcome {
    let calls = json!([
        {"id": "call_1", "name": "get_weather", "arguments": {"city": "Oslo"}},
        {"id": "call_2", "name": "get_weather", "arguments": {"city": "Rome"}},
    ]);
    let fixtures = json!({"fixtures": [
        {"match": {"userMessage": "Thanks."}, "response": {"content": "You are welcome."}},
        {
            "match": {"userMessage": "Look:", "hasToolResult": false},
            "response": {
                "reasoning": "Two cities, two calls.",
                "reasoningSignature": "c2lnbmF0dXJl",
                "content": "Let me look.",
                "toolCalls": calls,
            },
        },
        {"match": {}, "response": {"content": "Both are warm."}},
    ]});
    let path = job.scratch.join("switches.json");
    fs::write(&path, fixtures.to_string()).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let server = Server::start(dir, "aimock", port, &[("AIMOCK_FIXTURES", path.as_os_str())])?;
    let address = format!("http://127.0.0.1:{}", server.port);
    let test = "every_model_goes_on_with_what_every_other_began";
    job.test(test, &[("FLUE_PEER_AIMOCK", address.as_ref()), ("GOOGLE_CLOUD_PROJECT", "project".as_ref())])?;
    println!("ok    aimock, a session over every pair of models");
    Ok(())
}

/// A real, small model behind llama.cpp. It does not always see that there are tools; one of some tries has to be a
/// whole tool loop: a call, its result, an answer.
fn real_model(job: &Job, dir: &Path, port: u16) -> Outcome {
    let server = start_model(job, dir, port)?;
    while_it_loads(job, &server)?;
    server.wait_until_healthy()?;
    let address = format!("http://127.0.0.1:{}", server.port);
    for (test, what) in [
        ("a_real_overflow_is_told_as_one", "an overflow is told as one"),
        ("a_real_server_counts_tokens", "tokens are counted"),
    ] {
        job.test(test, &[("FLUE_PEER_LLAMACPP", address.as_ref())])?;
        println!("ok    llamacpp, {what}");
    }
    for wire in WIRES.iter().filter(|wire| wire.llamacpp.is_some()) {
        let case = format!("llamacpp, {}", wire.name);
        let looped = (1..=REAL_MODEL_TRIES).find_map(|attempt| match job.review(wire, &server, &[]) {
            Ok(reply) if reply["turns"].as_u64() >= Some(2) => Some(Ok(attempt)),
            Ok(_) => None,
            Err(failure) => Some(Err(failure)),
        });
        match looped {
            Some(attempt) => println!("ok    {case}: a tool loop, at try {}", attempt?),
            None => return Err(Failure::new(format!("{case}: no tool was called in {REAL_MODEL_TRIES} tries"))),
        }
        fix::fixed_under_confinement(job, &server, wire)?;
    }
    harness::real_chat(job, &server)
}

/// The server of the real model, which may still load it.
fn start_model(job: &Job, dir: &Path, port: u16) -> Outcome<Server> {
    let template = job.scratch.join("tools.jinja");
    fs::write(&template, TEMPLATE).map_err(|error| Failure::new(format!("{}: {error}", template.display())))?;
    Server::start(dir, "llamacpp", port, &[("LLAMA_TEMPLATE", template.as_os_str())])
}

/// While the model is loaded, the server answers 503: whoever asks then gets an answer all the same.
fn while_it_loads(job: &Job, server: &Server) -> Outcome {
    if server.get("/health").is_ok() {
        println!("skip  llamacpp, while it loads: it was ready before it was asked");
        return Ok(());
    }
    let mut asked = Vec::new();
    for wire in WIRES.iter().filter(|wire| wire.llamacpp.is_some()) {
        let child = job
            .command(wire, server, &["-v", "-m", "Say something."])
            .spawn()
            .map_err(|error| Failure::new(format!("{}: {error}", job.flue.display())))?;
        asked.push((wire.name, child));
    }
    for (name, child) in asked {
        let output = child.wait_with_output().map_err(|error| Failure::new(error.to_string()))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(Failure::new(format!("llamacpp, {name}, while it loads: {}\n{stderr}", output.status)));
        }
        let waited = if stderr.contains("503") { "asked again after a 503" } else { "it was ready in time" };
        println!("ok    llamacpp, {name}, while it loads: {waited}");
    }
    Ok(())
}

/// What goes out for every pair of models, read by the official SDKs' own types. llmock's environment has them.
fn official_sdks(job: &Job, _: &Path, _: u16) -> Outcome {
    let bodies = job.scratch.join("bodies");
    fs::create_dir_all(&bodies).map_err(|error| Failure::new(format!("{}: {error}", bodies.display())))?;
    job.test("bodies_are_written_for_the_official_sdks", &[("FLUE_PEER_BODIES", bodies.as_os_str())])?;
    let set = |name: &str| env::var_os(name).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache"))).unwrap_or_default();
    let python = set("PEERS_VENV").unwrap_or_else(|| cache.join("flue-peers/venv")).join("bin/python");
    let mut command = Command::new(&python);
    command.arg("-c").arg(CHECK_BODIES).arg(&bodies);
    process::run(command)?;
    println!("ok    the official SDKs read every body");
    Ok(())
}

/// llmock fails in ways that pass, and judges how the client takes it.
fn fault_injector(job: &Job, dir: &Path, port: u16) -> Outcome {
    let server = Server::start(dir, "llmock", port, &[])?;
    let faults = [
        ("429 with retry-after", json!({"type": "fail", "status": 429, "retry_after": 1, "times": 2})),
        ("529", json!({"type": "fail", "status": 529, "times": 1})),
        ("truncated stream", json!({"type": "stream_fault", "kind": "truncate", "after_chunks": 2, "times": 1})),
        ("disconnect", json!({"type": "stream_fault", "kind": "disconnect", "after_chunks": 2, "times": 1})),
        ("400, for good", json!({"type": "fail", "status": 400, "times": 9})),
    ];
    for (name, fault) in faults {
        for wire in WIRES.iter().filter(|wire| wire.llmock.is_some()) {
            let case = format!("llmock, {}, {name}", wire.name);
            server.post("/_llmock/reset", "")?;
            server.post("/_llmock/scenario", &json!({"behaviors": [fault]}).to_string())?;
            let output = job.run(wire, &server, &["-m", "Say something."])?;
            let verdict = server.get("/_llmock/verdict")?;
            let verdict: Value = serde_json::from_str(&verdict)
                .map_err(|error| Failure::new(format!("{case}: the verdict is not JSON: {error}: {verdict}")))?;
            let passed = verdict.get("passed").or_else(|| verdict.get("pass")).and_then(Value::as_bool);
            if passed != Some(true) {
                return Err(Failure::new(format!("{case}: {verdict}\n{}", String::from_utf8_lossy(&output.stderr))));
            }
            println!("ok    {case}: no wrong retry");
        }
    }
    Ok(())
}

fn expect(case: &str, what: &str, found: &Value, expected: &Value) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!("{case}: {what}: {found} instead of {expected}")))
}
