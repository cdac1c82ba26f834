//! The server inside a container, over HTTP: commands whose output is streamed as text, and files.

use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::sync::mpsc;

use crate::http::{Body, Part, Request, Response};
use crate::machine::Machine;

/// Most events that wait for a slow client.
const QUEUE: usize = 64;
/// Most bytes of output in one event, and of a file in one piece.
const PIECE_BYTES: usize = 64 << 10;
/// How long output is waited for that a process left behind: whoever holds its pipes on does not hold up its end for ever.
const PIPES_LIMIT: Duration = Duration::from_secs(10);
/// The version that the SDK expects to find.
const VERSION: &str = "0.12.10";

/// Answers one request.
pub(super) async fn answer(machine: &Arc<Machine>, part: &str, request: &Request) -> Response {
    let body = request.json();
    match part {
        "api/execute/stream" => execute(machine, &body),
        "api/execute" => whole(machine, &body).await,
        "api/read/stream" => read(machine, &body),
        "api/write" => write(machine, &body),
        "api/ping" => Response::json(200, &json!({"success": true, "message": "pong"})),
        "api/version" => Response::json(200, &json!({"success": true, "version": VERSION})),
        "api/session/create" | "api/session/delete" => Response::json(200, &json!({"success": true})),
        // What is asked to see whether anybody listens.
        "" => Response::empty(200),
        _ => error(404, "NOT_FOUND", &format!("{part} is not modelled")),
    }
}

fn spawn(machine: &Machine, body: &Value) -> std::io::Result<Child> {
    let mut command = machine.command("bash");
    command.arg("-c").arg(body["command"].as_str().unwrap_or(""));
    let env = body["env"].as_object().into_iter().flatten();
    command.envs(env.filter_map(|(name, value)| Some((name, value.as_str()?))));
    command.current_dir(machine.resolve(body["cwd"].as_str().unwrap_or("")));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn()
}

/// A command whose output comes as it is written. A client that goes away stops nothing.
fn execute(machine: &Arc<Machine>, body: &Value) -> Response {
    let child = match spawn(machine, body) {
        Ok(child) => child,
        Err(cause) => return error(500, "COMMAND_EXECUTION_ERROR", &cause.to_string()),
    };
    let (events, stream) = mpsc::channel(QUEUE);
    let limit = body["timeoutMs"].as_u64().map(Duration::from_millis);
    tokio::spawn(follow(machine.clone(), child, events, limit));
    Response::new(200, "text/event-stream", Body::Stream(stream))
}

async fn follow(machine: Arc<Machine>, mut child: Child, events: mpsc::Sender<Part>, limit: Option<Duration>) {
    let mut death = machine.death();
    // Held no longer than needed: a machine that nobody holds is gone.
    drop(machine);
    let _ = events.send(event(&json!({"type": "start", "pid": child.id()}))).await;
    let out = tokio::spawn(pump("stdout", child.stdout.take(), events.clone()));
    let err = tokio::spawn(pump("stderr", child.stderr.take(), events.clone()));
    let deadline = tokio::time::sleep(limit.unwrap_or(Duration::MAX));
    let last = tokio::select! {
        biased;
        () = async { let _ = death.wait_for(|dead| *dead).await; } => Part::Cut,
        status = child.wait() => {
            // What is still in the pipes belongs to it; whoever holds them on does not.
            let _ = tokio::time::timeout(PIPES_LIMIT, async { (out.await, err.await) }).await;
            let code = status.ok().and_then(|status| status.code()).unwrap_or(137);
            let _ = events.send(event(&json!({"type": "complete", "exitCode": code}))).await;
            Part::End
        }
        () = deadline => {
            let _ = child.start_kill();
            let text = format!("Command timed out after {}ms", limit.unwrap_or_default().as_millis());
            let _ = events.send(event(&json!({"type": "stderr", "data": text}))).await;
            let _ = events.send(event(&json!({"type": "complete", "exitCode": 124}))).await;
            Part::End
        }
    };
    let _ = events.send(last).await;
}

/// Output is text there: what is not UTF-8 is replaced.
async fn pump(name: &str, pipe: Option<impl AsyncRead + Unpin>, events: mpsc::Sender<Part>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; PIECE_BYTES];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let data = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()).into_owned();
        let _ = events.send(event(&json!({"type": name, "data": data}))).await;
    }
}

async fn whole(machine: &Machine, body: &Value) -> Response {
    let output = match spawn(machine, body) {
        Ok(child) => child.wait_with_output().await,
        Err(cause) => Err(cause),
    };
    match output {
        Ok(output) => {
            let code = output.status.code().unwrap_or(137);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (out, err) = (text(&output.stdout), text(&output.stderr));
            let value = json!({"success": code == 0, "exitCode": code, "stdout": out, "stderr": err, "command": body["command"]});
            Response::json(200, &value)
        }
        Err(cause) => error(500, "COMMAND_EXECUTION_ERROR", &cause.to_string()),
    }
}

/// A file in pieces. One that is not there is an error within the stream, after its head.
fn read(machine: &Machine, body: &Value) -> Response {
    let path = machine.resolve(body["path"].as_str().unwrap_or(""));
    let mut events = Vec::new();
    match fs::read(&path) {
        Ok(bytes) => {
            // A file with a NUL is binary, and exact; what is taken for text is not.
            let is_binary = bytes.contains(&0);
            let encoding = if is_binary { "base64" } else { "utf-8" };
            events.push(json!({"type": "metadata", "size": bytes.len(), "isBinary": is_binary, "encoding": encoding}));
            for piece in bytes.chunks(PIECE_BYTES) {
                let data = if is_binary { STANDARD.encode(piece) } else { String::from_utf8_lossy(piece).into_owned() };
                events.push(json!({"type": "chunk", "data": data}));
            }
            events.push(json!({"type": "complete", "bytesRead": bytes.len()}));
        }
        Err(cause) => events.push(json!({"type": "error", "error": cause.to_string()})),
    }
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    Response::new(200, "text/event-stream", Body::Whole(text.into_bytes()))
}

fn write(machine: &Machine, body: &Value) -> Response {
    let path = machine.resolve(body["path"].as_str().unwrap_or(""));
    let content = body["content"].as_str().unwrap_or("");
    let bytes = match body["encoding"].as_str() {
        Some("base64") => STANDARD.decode(content).map_err(std::io::Error::other),
        _ => Ok(content.as_bytes().to_vec()),
    };
    match bytes.and_then(|bytes| fs::write(&path, bytes)) {
        Ok(()) => Response::json(200, &json!({"success": true, "path": body["path"]})),
        Err(cause) => error(500, "FILESYSTEM_ERROR", &cause.to_string()),
    }
}

fn event(event: &Value) -> Part {
    Part::Bytes(format!("data: {event}\n\n").into_bytes())
}

fn error(status: u16, code: &str, message: &str) -> Response {
    Response::json(status, &json!({"code": code, "message": message, "httpStatus": status}))
}
