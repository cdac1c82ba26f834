//! What goes wrong on demand, seen by a plain connection.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::e2b::{API_KEY, E2b};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "faults::a_refusal_says_when_to_come_back_and_strikes_once",
            a_refusal_says_when_to_come_back_and_strikes_once,
        ),
        trial("faults::a_cut_and_a_slow_answer_are_that", a_cut_and_a_slow_answer_are_that),
        trial(
            "faults::death_in_a_command_cuts_its_stream_and_ends_what_left_its_session",
            death_in_a_command_cuts_its_stream_and_ends_what_left_its_session,
        ),
        trial(
            "faults::a_sandbox_ends_with_its_time_and_may_come_back_empty",
            a_sandbox_ends_with_its_time_and_may_come_back_empty,
        ),
    ]
}

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Sends one request and reads until the server closes, or has been silent after a whole answer.
async fn send(url: &str, request: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.expect("connect");
    let mut head = format!("{request} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("head");
    stream.write_all(body).await.expect("body");
    stream.shutdown().await.expect("shutdown");
    let mut answer = Vec::new();
    tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("in time").expect("read");
    answer
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

async fn create(server: &E2b, timeout: u64) -> (String, String) {
    let body = json!({"templateID": "base", "timeout": timeout}).to_string();
    let answer = text(&send(&server.api_url(), "POST /sandboxes", &[("x-api-key", API_KEY)], body.as_bytes()).await);
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    (body["sandboxID"].as_str().expect("id").to_owned(), body["envdAccessToken"].as_str().expect("token").to_owned())
}

async fn exec(server: &E2b, (id, token): &(String, String), script: &str) -> String {
    let message = json!({"process": {"cmd": "/bin/sh", "args": ["-c", script]}, "stdin": false}).to_string();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).expect("short").to_be_bytes());
    body.extend(message.as_bytes());
    let headers = [("e2b-sandbox-id", id.as_str()), ("x-access-token", token.as_str())];
    text(&send(&server.sandbox_url(), "POST /process.Process/Start", &headers, &body).await)
}

/// How long a process may be seen after it was killed, on a busy machine.
const KILL_LIMIT: Duration = Duration::from_secs(20);

/// Whether the process whose id stands in `file` lives: one that ended but was not waited for does not.
fn lives(file: &PathBuf) -> bool {
    let pid = std::fs::read_to_string(file).expect("a process id");
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn a_refusal_says_when_to_come_back_and_strikes_once() {
    let server = E2b::start().await.expect("start");
    server.faults().once("POST /sandboxes", Fault::Refuse { status: 429, retry_after: Some(3) });
    let answer = text(&send(&server.api_url(), "POST /sandboxes", &[("x-api-key", API_KEY)], b"{}").await);
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nretry-after: 3\r\n"), "{answer}");
    create(&server, 60).await;
}

async fn a_cut_and_a_slow_answer_are_that() {
    let server = E2b::start().await.expect("start");
    let sandbox = create(&server, 60).await;
    server.faults().once("Start", Fault::Cut(8));
    let answer = exec(&server, &sandbox, "echo never seen").await;
    assert!(!answer.contains("end") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    server.faults().once("Start", Fault::Slow(Duration::from_millis(400)));
    let started = Instant::now();
    let answer = exec(&server, &sandbox, "exit 3").await;
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert!(answer.contains("\"exitCode\":3") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

async fn death_in_a_command_cuts_its_stream_and_ends_what_left_its_session() {
    let server = E2b::start().await.expect("start");
    let sandbox = create(&server, 60).await;
    let pids = std::env::temp_dir().join(format!("flue-fake-death-{}", sandbox.0));
    server.faults().once("Start", Fault::Die(Duration::from_secs(1)));
    let script = format!("setsid sh -c 'echo $$ > {}; sleep 300' & sleep 300", pids.display());
    let answer = exec(&server, &sandbox, &script).await;
    assert!(answer.contains("\"start\"") && !answer.contains("\"end\""), "{answer}");
    let end = Instant::now() + KILL_LIMIT;
    while lives(&pids) {
        assert!(Instant::now() < end, "a process outlived its sandbox");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    std::fs::remove_file(pids).expect("remove");
    assert!(exec(&server, &sandbox, "true").await.starts_with("HTTP/1.1 502 "));
}

async fn a_sandbox_ends_with_its_time_and_may_come_back_empty() {
    let server = E2b::start().await.expect("start");
    let sandbox = create(&server, 60).await;
    assert!(exec(&server, &sandbox, "echo kept > file; cat file").await.contains("a2VwdAo="));
    server.come_back_empty(&sandbox.0).expect("come back");
    assert!(exec(&server, &sandbox, "test -e file").await.contains("\"exitCode\":1"));
    let short = create(&server, 0).await;
    assert!(exec(&server, &short, "true").await.starts_with("HTTP/1.1 502 "));
}
