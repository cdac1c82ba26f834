//! `peers DIR`: runs the review job of the README and the harness's hard cases against independent model servers, over real
//! sockets.
//!
//! DIR holds a start script for each server, `aimock/start.sh`, `llmock/start.sh` and `llamacpp/start.sh`, which takes a
//! port. Not part of `ci`: the servers are not ours to install.

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process;
use crate::report::{Failure, Outcome};
use crate::workspace::Workspace;

/// How long a server may take to answer; a first start installs it.
const START_LIMIT: Duration = Duration::from_secs(300);
/// How long one run of `flue` may take; a small real model on a busy machine is slow.
const RUN_LIMIT: &str = "300s";
/// How often the real model may answer without a tool.
const REAL_MODEL_TRIES: u32 = 8;
/// More turns than the job has.
const MAX_TURNS: &str = "8";
/// The first of the ports that the servers listen on.
const FIRST_PORT: u16 = 4810;
/// How the real model is shown a conversation: by examples next to the question, or one so small sees no tools behind the
/// long text that a harness puts before them.
const TEMPLATE: &str = include_str!("peers/tools.jinja");
const PROMPT: &str = "Review document.md and write your findings to review.md.";

/// A wire, as `flue` is pointed at it: the model's name, and the variables with address and key.
struct Wire {
    name: &'static str,
    model: &'static str,
    base: (&'static str, &'static str),
    key: &'static str,
}

const WIRES: [Wire; 3] = [
    Wire {
        name: "anthropic messages",
        model: "anthropic/claude-sonnet-4-6",
        base: ("ANTHROPIC_BASE_URL", ""),
        key: "ANTHROPIC_API_KEY",
    },
    Wire { name: "openai responses", model: "openai/gpt-5.5", base: ("OPENAI_BASE_URL", "/v1"), key: "OPENAI_API_KEY" },
    Wire {
        name: "chat completions",
        model: "openai-chat/gpt-5.5",
        base: ("OPENAI_BASE_URL", "/v1"),
        key: "OPENAI_API_KEY",
    },
];

/// Runs the task.
pub(crate) fn run(args: &[String]) -> Outcome {
    let [dir] = args else {
        return Err(Failure::Usage("`peers` takes the directory of the servers' start scripts".into()));
    };
    let workspace = Workspace::load()?;
    process::run(process::cargo(
        &workspace.root,
        &["build", "--quiet", "--package", "flue-cli", "--package", "xtask-drive"],
    ))?;
    let [flue, drive] = ["flue", "xtask-drive"].map(|name| workspace.root.join("target/debug").join(name));
    let document = workspace.root.join("flue-cli/examples/review/document.md");
    let scratch = std::env::temp_dir().join(format!("flue-peers-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| Failure::new(format!("{}: {error}", scratch.display())))?;
    let job = Job { flue, drive, document, scratch: scratch.clone() };
    let dir = Path::new(dir);
    let outcome = [scripted_server, real_model, fault_injector, harness::hard_cases]
        .iter()
        .zip(FIRST_PORT..)
        .try_for_each(|(check, port)| check(&job, dir, port));
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

/// A real, small model behind llama.cpp. It does not always see that there are tools; one of some tries has to be a
/// whole tool loop: a call, its result, an answer.
fn real_model(job: &Job, dir: &Path, port: u16) -> Outcome {
    let template = job.scratch.join("tools.jinja");
    fs::write(&template, TEMPLATE).map_err(|error| Failure::new(format!("{}: {error}", template.display())))?;
    let server = Server::start(dir, "llamacpp", port, &[("LLAMA_TEMPLATE", template.as_os_str())])?;
    server.wait_until_healthy()?;
    for wire in &WIRES {
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
    }
    harness::real_chat(job, &server)
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
        for wire in &WIRES {
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

/// What is run against each server.
struct Job {
    flue: PathBuf,
    drive: PathBuf,
    document: PathBuf,
    scratch: PathBuf,
}

impl Job {
    /// The review, and its JSON reply; `collect` are the files that must come out of it.
    fn review(&self, wire: &Wire, server: &Server, collect: &[&str]) -> Outcome<Value> {
        let document = format!("{}:document.md", self.document.display());
        let mut args = vec!["-m", PROMPT, "--json", "--stage", &document];
        for path in collect {
            let _ = fs::remove_file(self.scratch.join(path));
            args.extend(["--collect", path]);
        }
        let output = self.run(wire, server, &args)?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("{}: flue failed: {}\n{stderr}", wire.name, output.status)));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("{}: the reply is not JSON: {error}", wire.name)))
    }

    fn run(&self, wire: &Wire, server: &Server, args: &[&str]) -> Outcome<Output> {
        self.pointed(&self.flue, wire, server)
            .args(["run", "--model", wire.model, "--timeout", RUN_LIMIT, "--max-turns", MAX_TURNS])
            .args(args)
            .output()
            .map_err(|error| Failure::new(format!("{}: {error}", self.flue.display())))
    }

    /// A program that finds the model behind `wire` at `server`.
    fn pointed(&self, program: &Path, wire: &Wire, server: &Server) -> Command {
        let (variable, path) = wire.base;
        let path = if server.name == "llmock" && path.is_empty() { "/anthropic" } else { path };
        let mut command = Command::new(program);
        command
            .env(variable, format!("http://127.0.0.1:{}{path}", server.port))
            .env(wire.key, "not-a-real-key")
            .current_dir(&self.scratch)
            .stdin(Stdio::null());
        command
    }

    fn collected(&self, name: &str) -> Outcome<String> {
        let path = self.scratch.join(name);
        fs::read_to_string(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }
}

/// A server that ends with this value.
struct Server {
    name: &'static str,
    port: u16,
    child: Child,
}

impl Server {
    fn start(dir: &Path, name: &'static str, port: u16, env: &[(&str, &std::ffi::OsStr)]) -> Outcome<Self> {
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

    fn wait_until_healthy(&self) -> Outcome {
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if self.get("/health").is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Err(Failure::new(format!("{} does not become healthy", self.name)))
    }

    fn get(&self, path: &str) -> Outcome<String> {
        self.request("GET", path, "")
    }

    fn post(&self, path: &str, body: &str) -> Outcome<String> {
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
