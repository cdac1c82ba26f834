//! `pods/exec`: a command whose streams go over a WebSocket, each message with the number of its channel first.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitStream;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::object::{missing, refusal};
use super::{Shared, State, control};
use crate::http::{Body, Request, Response, Upgrade};
use crate::machine::Machine;

/// The two versions that are spoken; only the first ends an input.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/// Most bytes of output in one message: what the kubelet copies at once.
const MAX_OUTPUT: usize = 32 << 10;
/// Most messages that wait for a slow client; commands wait then, as they do for a pipe.
const QUEUE: usize = 8;
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;

type Socket = WebSocketStream<BufReader<TcpStream>>;

/// Answers a request to run a command in a pod.
pub(super) fn answer(shared: &Arc<Shared>, state: &mut State, pod: &str, request: &Request) -> Response {
    let Some(machine) = state.machines.get(pod).cloned() else { return missing("pods", pod) };
    let object = &state.objects[&("pods".to_owned(), pod.to_owned())];
    if object["status"]["phase"] != "Running" {
        return refusal(500, "InternalError", "unable to upgrade connection: container not found");
    }
    let names: Vec<&Value> =
        object["spec"]["containers"].as_array().into_iter().flatten().map(|one| &one["name"]).collect();
    if request.param("container").is_some_and(|wanted| names.iter().all(|name| **name != wanted)) {
        return refusal(400, "BadRequest", "container is not valid for the pod");
    }
    let offered = request.header("sec-websocket-protocol").unwrap_or("");
    let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
    let spoken = PROTOCOLS.iter().skip(usize::from(state.is_old)).find(|spoken| offered.contains(spoken));
    let (Some(spoken), Some(key)) = (spoken, request.header("sec-websocket-key")) else {
        return refusal(400, "BadRequest", "unable to upgrade: no protocol in common");
    };
    let words = request.query.iter().filter(|(name, _)| name == "command").map(|(_, word)| word.clone());
    let words: Vec<String> = words.collect();
    let Some((program, arguments)) = words.split_first() else {
        return refusal(400, "BadRequest", "you must specify at least 1 command for the container");
    };
    let is_on =
        |name: &str| request.param(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
    let mut command = machine.command(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if is_on("stdin") { Stdio::piped() } else { Stdio::null() });
    let is_mute = std::mem::take(&mut state.is_mute);
    if let Some(after) = request.die_after {
        let (shared, pod) = (shared.clone(), pod.to_owned());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            control::remove_pod(&mut shared.state(), &pod);
        });
    }
    let is_new = *spoken == PROTOCOLS[0];
    let talk = move |stream, cut| -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(talk(stream, machine, command, is_new, is_mute, cut))
    };
    let mut response = Response::new(101, "text/plain", Body::Upgrade(Upgrade(Box::new(talk))));
    response.headers = vec![
        ("upgrade", "websocket".to_owned()),
        ("connection", "Upgrade".to_owned()),
        ("sec-websocket-accept", derive_accept_key(key.as_bytes())),
        ("sec-websocket-protocol", (*spoken).to_owned()),
    ];
    response
}

/// Runs a command over a socket until it ends, its pod dies, or the fault's bytes are through. A client that goes away stops nothing.
async fn talk(
    stream: BufReader<TcpStream>,
    machine: Arc<Machine>,
    mut command: Command,
    is_new: bool,
    is_mute: bool,
    cut: Option<usize>,
) {
    let socket: Socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let (mut sink, source) = socket.split();
    let (frames, mut queue) = mpsc::channel::<Vec<u8>>(QUEUE);
    // Every channel that is open is announced by a message without content.
    for channel in [STDOUT, STDERR, STATUS] {
        let _ = frames.try_send(vec![channel]);
    }
    let running = tokio::spawn(run(machine, command.spawn(), source, frames, is_new, is_mute));
    let mut left = cut.unwrap_or(usize::MAX);
    while let Some(frame) = queue.recv().await {
        let content = frame.len() - 1;
        if content > left {
            // Cut, and what runs goes on.
            return drop(queue);
        }
        left -= content;
        if sink.send(Message::Binary(frame.into())).await.is_err() {
            return drop(queue);
        }
        if left == 0 {
            return drop(queue);
        }
    }
    if matches!(running.await, Ok(true)) {
        let _ = sink.close().await;
    }
}

/// Whether the command came to an end, and its pod did not.
async fn run(
    machine: Arc<Machine>,
    child: std::io::Result<Child>,
    source: SplitStream<Socket>,
    frames: mpsc::Sender<Vec<u8>>,
    is_new: bool,
    is_mute: bool,
) -> bool {
    let mut death = machine.death();
    let mut child = match child {
        Ok(child) => child,
        Err(cause) => {
            let message = format!("error executing command in container: {cause}");
            let status = json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500});
            let _ = frames.send(framed(STATUS, status.to_string().as_bytes())).await;
            return true;
        }
    };
    let input = tokio::spawn(feed(source, child.stdin.take(), is_new));
    let out = tokio::spawn(pump(STDOUT, child.stdout.take(), frames.clone()));
    let err = tokio::spawn(pump(STDERR, child.stderr.take(), frames.clone()));
    let ended = async {
        let status = child.wait().await;
        // What still holds the pipes has a moment to say something.
        let rest = async { (out.await, err.await) };
        let _ = tokio::time::timeout(Duration::from_secs(10), rest).await;
        status
    };
    let status = tokio::select! {
        biased;
        () = async { let _ = death.wait_for(|dead| *dead).await; } => None,
        status = ended => Some(status.unwrap_or_default()),
    };
    input.abort();
    let Some(status) = status else { return false };
    if !is_mute {
        let _ = frames.send(framed(STATUS, told(status).to_string().as_bytes())).await;
    }
    true
}

async fn feed(mut source: SplitStream<Socket>, mut stdin: Option<ChildStdin>, is_new: bool) {
    while let Some(Ok(message)) = source.next().await {
        // Either kind of message is taken, as there: clients in Python send text.
        let data = match message {
            Message::Binary(data) => data,
            Message::Text(text) => text.into(),
            _ => continue,
        };
        match data.split_first() {
            Some((&STDIN, bytes)) => {
                if let Some(pipe) = &mut stdin
                    && pipe.write_all(bytes).await.is_err()
                {
                    stdin = None;
                }
            }
            Some((&CLOSE, [STDIN])) if is_new => stdin = None,
            _ => {}
        }
    }
}

/// Sends output as it comes. Without a client it is read and dropped, so that the command goes on.
async fn pump(channel: u8, pipe: Option<impl AsyncRead + Unpin>, frames: mpsc::Sender<Vec<u8>>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; MAX_OUTPUT];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let _ = frames.send(framed(channel, buffer.get(..read).unwrap_or_default())).await;
    }
}

fn framed(channel: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![channel];
    frame.extend_from_slice(data);
    frame
}

/// How a command ended, as the kubelet says it.
fn told(status: ExitStatus) -> Value {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}
