//! Sessions: shells that stay, whose commands are labelled line by line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin};

use super::execute::{shell, text};
use super::lock;
use super::sandbox::Sandbox;
use super::toolbox::{failure, no_page};
use crate::http::{Request, Response};
use crate::machine::random_id;

/// How often a command is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long a session's processes have to end by themselves when it is deleted.
const GRACE: Duration = Duration::from_millis(200);

/// The sessions of a sandbox, by id.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, Arc<Session>>>);

#[derive(Debug)]
struct Session {
    shell: Mutex<Child>,
    stdin: tokio::sync::Mutex<Option<ChildStdin>>,
    /// The texts of its commands, by their ids.
    commands: Mutex<BTreeMap<String, String>>,
    dir: PathBuf,
}

impl Session {
    fn open(sandbox: &Sandbox) -> std::io::Result<Self> {
        let machine = sandbox.machine();
        let dir = machine.home().join(".daytona/sessions").join(random_id()?);
        fs::create_dir_all(&dir)?;
        let mut command = machine.command(shell());
        command.envs(sandbox.env()).process_group(0).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let stdin = tokio::sync::Mutex::new(child.stdin.take());
        Ok(Self { shell: Mutex::new(child), stdin, commands: Mutex::default(), dir })
    }

    /// Hands the shell a command, which begins once those before it have ended.
    async fn begin(&self, command: &str) -> std::io::Result<String> {
        let id = random_id()?;
        let at = self.dir.join(&id);
        fs::write(&at, command.trim())?;
        let at = at.to_string_lossy();
        let line =
            format!("{{ . '{at}'; }} </dev/null >'{at}.o' 2>'{at}.e'; echo $? >'{at}.t'; mv '{at}.t' '{at}.c'\n");
        lock(&self.commands).insert(id.clone(), command.to_owned());
        if let Some(stdin) = self.stdin.lock().await.as_mut() {
            stdin.write_all(line.as_bytes()).await?;
        }
        Ok(id)
    }

    /// How a command ended; nothing while it runs.
    fn exit_code(&self, id: &str) -> Option<i64> {
        fs::read_to_string(self.dir.join(format!("{id}.c"))).ok()?.trim().parse().ok()
    }

    fn described(&self, id: &str, command: &str) -> Value {
        let mut value = json!({"id": id, "command": command});
        if let Some(code) = self.exit_code(id) {
            value["exitCode"] = code.into();
        }
        value
    }

    /// What a command said: `output`, `stdout`, `stderr`.
    fn logs(&self, id: &str) -> Value {
        let [out, err] = ["o", "e"].map(|end| lines(&self.dir.join(format!("{id}.{end}"))));
        json!({"output": format!("{out}{err}"), "stdout": out, "stderr": err})
    }
}

/// A stream as its labeller leaves it: no NUL, and a line end after the last line, whether there was one or not.
fn lines(file: &Path) -> String {
    let mut bytes = fs::read(file).unwrap_or_default();
    bytes.retain(|&byte| byte != 0);
    if bytes.last().is_some_and(|&last| last != b'\n') {
        bytes.push(b'\n');
    }
    text(&bytes)
}

/// Answers what follows `/process/session`.
pub(super) async fn answer(sandbox: &Sandbox, method: &str, path: &[&str], request: &Request) -> Response {
    let body = request.json();
    let sessions = sandbox.sessions();
    let all = || lock(&sessions.0);
    let (id, rest) = match (method, path) {
        ("POST", []) => return create(sandbox, &sessions, body["sessionId"].as_str().unwrap_or_default()),
        ("GET", []) => {
            let found: Vec<Value> = all().iter().map(|(id, session)| described(id, session)).collect();
            return Response::json(200, &found.into());
        }
        (_, [id, rest @ ..]) => (*id, rest),
        _ => return no_page(),
    };
    let found = all().get(id).cloned();
    let Some(session) = found else { return failure(404, "NOT_FOUND", "session not found") };
    match (method, rest) {
        ("GET", []) => Response::json(200, &described(id, &session)),
        ("DELETE", []) => {
            all().remove(id);
            end(&session).await;
            Response::empty(204)
        }
        ("POST", ["exec"]) => exec(&sessions, id, &session, &body).await,
        ("GET", ["command", command, rest @ ..]) => {
            let Some(said) = lock(&session.commands).get(*command).cloned() else {
                return failure(404, "NOT_FOUND", "command not found");
            };
            match rest {
                [] => Response::json(200, &session.described(command, &said)),
                ["logs"] => Response::json(200, &session.logs(command)),
                _ => no_page(),
            }
        }
        _ => no_page(),
    }
}

fn create(sandbox: &Sandbox, sessions: &Sessions, id: &str) -> Response {
    let mut all = lock(&sessions.0);
    if id.is_empty() || all.contains_key(id) {
        return failure(409, "CONFLICT", "session already exists");
    }
    match Session::open(sandbox) {
        Ok(session) => {
            all.insert(id.to_owned(), Arc::new(session));
            Response::empty(201)
        }
        Err(cause) => failure(500, "INTERNAL_SERVER_ERROR", &cause.to_string()),
    }
}

async fn exec(sessions: &Sessions, id: &str, session: &Session, body: &Value) -> Response {
    let command = body["command"].as_str().unwrap_or_default();
    if command.trim().is_empty() {
        return failure(400, "BAD_REQUEST", "command cannot be empty");
    }
    let began = match session.begin(command).await {
        Ok(began) => began,
        Err(cause) => return failure(400, "BAD_REQUEST", &format!("failed to write command: {cause}")),
    };
    if body["runAsync"].as_bool().or(body["async"].as_bool()) == Some(true) {
        return Response::json(202, &json!({"cmdId": began}));
    }
    loop {
        if let Some(code) = session.exit_code(&began) {
            let mut answer = session.logs(&began);
            answer["cmdId"] = began.into();
            answer["exitCode"] = code.into();
            return Response::json(200, &answer);
        }
        if !lock(&sessions.0).contains_key(id) {
            return failure(410, "SESSION_ENDED", "session ended");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks the group to end, and then has it end.
async fn end(session: &Session) {
    let group = lock(&session.shell).id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
        tokio::time::sleep(GRACE).await;
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = fs::remove_dir_all(&session.dir);
}

fn described(id: &str, session: &Session) -> Value {
    let commands = lock(&session.commands);
    let commands: Vec<Value> = commands.iter().map(|(id, command)| session.described(id, command)).collect();
    json!({"sessionId": id, "commands": commands})
}
