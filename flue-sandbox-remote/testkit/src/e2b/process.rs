//! The process service: commands whose output is streamed in the frames of the Connect protocol.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use super::filesystem::error;
use super::sandbox::Sandbox;
use crate::http::{Body, Part, Request, Response};

/// Most frames that wait for a slow client; commands wait then, as they do for a pipe.
const QUEUE: usize = 64;
/// Most bytes of output in one frame: what `envd` reads at once.
const MAX_OUTPUT: usize = 32 << 10;
/// Seconds between signs of life on a stream, unless the client asks for another time.
const KEEPALIVE: u64 = 90;
/// The frame that ends a stream.
const END: u8 = 2;

/// A process: its description, and its input while that is open.
type Process = (Value, Option<mpsc::Sender<Vec<u8>>>);

/// What runs, by the id of the process.
#[derive(Debug, Default)]
pub(super) struct Processes(Mutex<BTreeMap<i32, Process>>);

impl Processes {
    fn all(&self) -> MutexGuard<'_, BTreeMap<i32, Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers one call.
pub(super) async fn answer(sandbox: &Arc<Sandbox>, method: &str, request: &Request) -> Response {
    if method == "Start" {
        return start(sandbox, request);
    }
    let body = request.json();
    if method == "List" {
        let all = sandbox.processes().all();
        let all: Vec<Value> = all.iter().map(|(pid, (config, _))| json!({"pid": pid, "config": config})).collect();
        return Response::json(200, &json!({"processes": all}));
    }
    let pid = body["process"]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(-1);
    let input = match sandbox.processes().all().get_mut(&pid) {
        None => return error("not_found", &format!("process with pid {pid} not found")),
        Some((_, input)) if method == "CloseStdin" => input.take(),
        Some((_, input)) => input.clone(),
    };
    match method {
        "SendSignal" => {
            let signal = match body["signal"].as_str() {
                Some("SIGNAL_SIGKILL") => Signal::KILL,
                Some("SIGNAL_SIGTERM") => Signal::TERM,
                _ => return error("invalid_argument", "invalid signal"),
            };
            // The leader alone, as there: what it started lives on.
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, signal);
            }
            Response::json(200, &json!({}))
        }
        "CloseStdin" => Response::json(200, &json!({})),
        "SendInput" => {
            let bytes = STANDARD.decode(body["input"]["stdin"].as_str().unwrap_or(""));
            let Ok(bytes) = bytes else { return error("invalid_argument", "the input is no base64") };
            let sent = match input {
                Some(input) => input.send(bytes).await.is_ok(),
                None => false,
            };
            if sent {
                Response::json(200, &json!({}))
            } else {
                error("internal", "error writing to stdin: stdin not enabled or closed")
            }
        }
        _ => error("unimplemented", &format!("{method} is not modelled")),
    }
}

fn start(sandbox: &Arc<Sandbox>, request: &Request) -> Response {
    let (frames, stream) = mpsc::channel(QUEUE);
    // A request of a stream is one frame: a byte of flags and four of length before the message.
    let body: Value = serde_json::from_slice(request.body.get(5..).unwrap_or_default()).unwrap_or_default();
    match spawn(sandbox, &body) {
        Ok(child) => {
            let header = |name| request.header(name).and_then(|value| value.parse::<u64>().ok());
            let limit = header("connect-timeout-ms").filter(|&limit| limit > 0).map(Duration::from_millis);
            let keepalive = Duration::from_secs(header("keepalive-ping-interval").unwrap_or(KEEPALIVE).max(1));
            tokio::spawn(follow(sandbox.clone(), child, frames, limit, keepalive, body["process"].clone()));
        }
        // Room for both: the queue is new.
        Err((code, message)) => {
            let end = json!({"error": {"code": code, "message": message}});
            let _ = frames.try_send(frame(END, &end)).and_then(|()| frames.try_send(Part::End));
        }
    }
    Response::new(200, "application/connect+json", Body::Stream(stream))
}

fn spawn(sandbox: &Sandbox, body: &Value) -> Result<Child, (&'static str, String)> {
    let machine = sandbox.machine();
    let process = &body["process"];
    let cwd = process["cwd"].as_str().unwrap_or("");
    let resolved = machine.resolve(cwd);
    if !resolved.is_dir() {
        return Err(("invalid_argument", format!("cwd '{cwd}' does not exist")));
    }
    let mut command = machine.command(process["cmd"].as_str().unwrap_or(""));
    command.args(process["args"].as_array().into_iter().flatten().filter_map(Value::as_str));
    command.envs(sandbox.env());
    let own = process["envs"].as_object().into_iter().flatten();
    command.envs(own.filter_map(|(name, value)| Some((name, value.as_str()?))));
    command.current_dir(resolved).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if body["stdin"].as_bool() == Some(false) { Stdio::null() } else { Stdio::piped() });
    command.spawn().map_err(|cause| ("invalid_argument", format!("error starting process: {cause}")))
}

/// Streams what a process does until it ends, its time is over or its machine dies. A client that goes away stops nothing.
async fn follow(
    sandbox: Arc<Sandbox>,
    mut child: Child,
    frames: mpsc::Sender<Part>,
    limit: Option<Duration>,
    keepalive: Duration,
    config: Value,
) {
    let mut death = sandbox.machine().death();
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(-1);
    let (input, bytes) = mpsc::channel(QUEUE);
    let input = child.stdin.take().map(|stdin| {
        tokio::spawn(feed(stdin, bytes));
        input
    });
    sandbox.processes().all().insert(pid, (config, input));
    let _ = frames.send(event(&json!({"start": {"pid": pid}}))).await;
    let out = tokio::spawn(pump("stdout", child.stdout.take(), frames.clone()));
    let err = tokio::spawn(pump("stderr", child.stderr.take(), frames.clone()));
    let ended = async {
        // Whoever holds the pipes keeps the stream open, also after the leader has ended.
        let _ = (out.await, err.await);
        child.wait().await
    };
    tokio::pin!(ended);
    let deadline = tokio::time::sleep(limit.unwrap_or(Duration::MAX));
    tokio::pin!(deadline);
    let last = loop {
        tokio::select! {
            biased;
            () = async { let _ = death.wait_for(|dead| *dead).await; } => break None,
            status = &mut ended => {
                let _ = frames.send(event(&json!({"end": end(status.unwrap_or_default())}))).await;
                break Some(json!({}));
            }
            () = &mut deadline => {
                if let Some(pid) = Pid::from_raw(pid) {
                    let _ = kill_process(pid, Signal::KILL);
                }
                break Some(json!({"error": {"code": "deadline_exceeded", "message": "context deadline exceeded"}}));
            }
            () = tokio::time::sleep(keepalive) => {
                let _ = frames.send(event(&json!({"keepalive": {}}))).await;
            }
        }
    };
    sandbox.processes().all().remove(&pid);
    match last {
        Some(message) => {
            let _ = frames.send(frame(END, &message)).await;
            let _ = frames.send(Part::End).await;
        }
        None => {
            let _ = frames.send(Part::Cut).await;
        }
    }
}

async fn feed(mut stdin: ChildStdin, mut bytes: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = bytes.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Sends output as it comes. Without a client it is read and dropped, so that the command goes on.
async fn pump(name: &str, pipe: Option<impl AsyncRead + Unpin>, frames: mpsc::Sender<Part>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; MAX_OUTPUT];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let data = STANDARD.encode(buffer.get(..read).unwrap_or_default());
        let _ = frames.send(event(&json!({"data": {name: data}}))).await;
    }
}

/// How a process ended, as `envd` says it.
fn end(status: ExitStatus) -> Value {
    match status.code() {
        Some(code) => json!({"exitCode": code, "exited": true, "status": format!("exit status {code}")}),
        None => {
            let status = match status.signal() {
                Some(9) => "signal: killed".to_owned(),
                Some(15) => "signal: terminated".to_owned(),
                other => format!("signal: {}", other.unwrap_or(0)),
            };
            json!({"exitCode": -1, "exited": false, "status": status, "error": status})
        }
    }
}

fn event(event: &Value) -> Part {
    frame(0, &json!({"event": event}))
}

fn frame(flags: u8, message: &Value) -> Part {
    let message = message.to_string().into_bytes();
    let mut bytes = vec![flags];
    bytes.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(message);
    Part::Bytes(bytes)
}
