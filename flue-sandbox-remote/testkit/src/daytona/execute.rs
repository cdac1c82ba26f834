//! Commands: one request, one answer when all is over.

use std::io::{self, Read as _};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Child;

use super::sandbox::{Sandbox, strings};
use super::toolbox::failure;
use crate::http::Response;
use crate::machine::Machine;

/// Answers `/process/execute`. A client that goes away stops nothing.
pub(super) async fn answer(sandbox: &Sandbox, body: &Value, default_limit: Option<Duration>) -> Response {
    let Some(command) = body["command"].as_str().filter(|command| !command.is_empty()) else {
        return failure(400, "BAD_REQUEST", "command is required");
    };
    let limit = body["timeout"].as_u64().filter(|&seconds| seconds > 0).map(Duration::from_secs).or(default_limit);
    let spawned = spawn(sandbox, body);
    let (child, output) = match spawned {
        Ok(spawned) => spawned,
        // No failure, for the daemon.
        Err(why) => return Response::json(200, &json!({"exitCode": -1, "result": why})),
    };
    let running = tokio::spawn(follow(child, output, command.as_bytes().to_vec(), limit));
    match running.await {
        Ok(Some((status, output))) => {
            let code = status.code().unwrap_or(-1);
            Response::json(200, &json!({"exitCode": code, "result": text(&output)}))
        }
        // What was said until then is lost.
        _ => failure(408, "PROCESS_EXECUTION_TIMEOUT", "command execution timeout"),
    }
}

/// The shell that the daemon would find.
pub(super) fn shell() -> &'static str {
    ["/bin/zsh", "/bin/bash"].into_iter().find(|shell| std::path::Path::new(shell).exists()).unwrap_or("/bin/sh")
}

fn spawn(sandbox: &Sandbox, body: &Value) -> Result<(Child, io::PipeReader), String> {
    let machine: std::sync::Arc<Machine> = sandbox.machine();
    let cwd = body["cwd"].as_str().filter(|cwd| !cwd.is_empty());
    let dir = machine.resolve(cwd.unwrap_or("."));
    if !dir.is_dir() {
        return Err(format!("chdir {}: no such file or directory", cwd.unwrap_or(".")));
    }
    let said = |cause: io::Error| cause.to_string();
    let (output, both) = io::pipe().map_err(said)?;
    let mut command = machine.command(shell());
    command.envs(sandbox.env()).envs(strings(&body["envs"])).current_dir(dir).process_group(0);
    command.stdin(Stdio::piped()).stdout(both.try_clone().map_err(said)?).stderr(both);
    Ok((command.spawn().map_err(said)?, output))
}

/// Feeds the shell its command, and waits until nobody holds its output. Nothing once its time was over.
async fn follow(
    mut child: Child,
    mut output: io::PipeReader,
    command: Vec<u8>,
    limit: Option<Duration>,
) -> Option<(ExitStatus, Vec<u8>)> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(mut stdin) = child.stdin.take() {
        tokio::spawn(async move {
            // A shell that does not read to the end is no failure.
            let _ = stdin.write_all(&command).await;
        });
    }
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        bytes
    });
    let ended = async {
        let bytes = read.await.unwrap_or_default();
        (child.wait().await.unwrap_or_default(), bytes)
    };
    match tokio::time::timeout(limit.unwrap_or(Duration::MAX), ended).await {
        Ok(ended) => Some(ended),
        Err(_) => {
            // The group alone: what left it lives on.
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            None
        }
    }
}

/// Bytes as a JSON text of the daemon has them: each that is no UTF-8 becomes U+FFFD.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}
