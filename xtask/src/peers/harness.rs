//! The harness's hard cases, which `xtask-drive` plays against the scripted server; and a chat with the real model that a second
//! process goes on with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::job::Job;
use super::server::Server;
use super::wires::{WIRES, Wire};
use crate::report::{Failure, Outcome};

/// What each case is answered, told apart by the instructions of its agents, which are its name.
const CASES: [&str; 6] =
    ["case-correct", "case-give-up", "case-attempts", "case-depth", "case-parallel", "case-overflow"];
/// The beginning of what a summariser is told to be.
const SUMMARISER: &str = "You summarise conversations";
/// How long a subagent's model takes for each piece of its answer, of which there are several: long enough that a busy machine has
/// begun two others.
const WORK_MS: u32 = 1000;
/// How often the real model may answer without a tool.
const CHAT_TRIES: u32 = 8;

/// The wires of the driver: those that every server has.
fn driven() -> impl Iterator<Item = &'static Wire> {
    WIRES.iter().filter(|wire| wire.llamacpp.is_some())
}

/// aimock plays each case over each of them.
pub(super) fn hard_cases(job: &Job, dir: &Path, port: u16) -> Outcome {
    let path = job.scratch.join("cases.json");
    fs::write(&path, fixtures().to_string()).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    for wire in driven() {
        // One for each wire: it counts what it has answered.
        let server = Server::start(dir, "aimock", port, &[("AIMOCK_FIXTURES", path.as_os_str())])?;
        for case in CASES {
            let work = fresh(job, case)?;
            let told = job.drive(wire, &server, case, &work)?;
            println!("ok    aimock, {}, {case}: {}", wire.name, told.trim());
        }
    }
    Ok(())
}

/// The real model is asked in one process, and again in another, in the same session. A try that fails begins with a session of
/// its own: the window of so small a model is soon full.
pub(super) fn real_chat(job: &Job, server: &Server) -> Outcome {
    for wire in driven() {
        let told = retried(|| {
            let work = fresh(job, "case-chat")?;
            let first = job.drive(wire, server, "case-chat", &work)?;
            Ok([first, job.drive(wire, server, "case-chat", &work)?])
        })?;
        if told[1].starts_with("0 entries before") {
            return Err(Failure::new(format!("llamacpp, {}, chat: the second process found: {}", wire.name, told[1])));
        }
        for (process, told) in ["first", "second"].iter().zip(&told) {
            println!("ok    llamacpp, {}, chat, the {process} process: {}", wire.name, told.trim());
        }
    }
    Ok(())
}

fn retried<T>(mut attempt: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    let mut last = attempt();
    for _ in 1..CHAT_TRIES {
        if last.is_ok() {
            break;
        }
        last = attempt();
    }
    last
}

/// An empty directory.
fn fresh(job: &Job, name: &str) -> Outcome<PathBuf> {
    let work = job.scratch.join(name);
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work).map_err(|error| Failure::new(format!("{}: {error}", work.display())))?;
    Ok(work)
}

fn fixtures() -> Value {
    let turn = |case: &str, index: u32, response: Value| json!({"match": {"systemMessage": case, "turnIndex": index}, "response": response});
    let calls = |calls: Vec<(&str, Value)>| {
        let calls = calls.into_iter().enumerate().map(
            |(number, (name, arguments))| json!({"id": format!("call_{number}"), "name": name, "arguments": arguments}),
        );
        json!({"toolCalls": calls.collect::<Vec<_>>()})
    };
    let text = |text: &str| json!({"content": text});
    let part = |number: u32| ("task", json!({"agent": "worker", "prompt": format!("Do part {number}.")}));
    let refused = json!({
        "error": {
            "message": "prompt is too long: 213462 tokens > 200000 maximum",
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
        },
        "status": 400,
    });
    let late = json!({"systemMessage": "case-overflow", "userMessage": "the late question"});
    let mut too_long = late.clone();
    too_long["sequenceIndex"] = json!(0);
    json!({"fixtures": [
        // The first that matches answers, and a worker is told its directory, which is called after its parent's case.
        {"match": {"systemMessage": "case-worker"}, "response": text("The part is done, all of it."), "latency": WORK_MS},
        turn("case-correct", 0, calls(vec![("finish", json!({"count": "many"}))])),
        turn("case-correct", 1, calls(vec![("finish", json!({"count": 7}))])),
        turn("case-give-up", 0, calls(vec![("give_up", json!({"reason": "there is nothing to count"}))])),
        {"match": {"systemMessage": "case-attempts"}, "response": text("Let me think about it.")},
        turn("case-depth", 0, calls(vec![("task", json!({"prompt": "Go deeper."}))])),
        turn("case-depth", 1, text("That was all.")),
        turn("case-parallel", 0, calls(vec![part(0), part(1), part(2)])),
        turn("case-parallel", 1, text("All parts are done.")),
        {"match": too_long, "response": refused},
        {"match": late, "response": text("After the summary.")},
        {"match": {"systemMessage": "case-overflow"}, "response": text("Noted.")},
        {"match": {"systemMessage": SUMMARISER}, "response": text("## Goal\nTo take notes.")},
    ]})
}

impl Job {
    /// Has the driver play a case; gives what it tells.
    fn drive(&self, wire: &Wire, server: &Server, case: &str, work: &Path) -> Outcome<String> {
        let mut command = self.pointed(&self.drive, wire, server);
        let output = command.args([case, wire.model]).arg(work).output();
        let output = output.map_err(|error| Failure::new(format!("{}: {error}", self.drive.display())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("{}, {}, {case}: {}\n{stderr}", server.name, wire.name, output.status)))
    }
}
