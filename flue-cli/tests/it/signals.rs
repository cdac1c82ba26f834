//! Ctrl-C, SIGTERM, and readers that go away.

use std::io::Read;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::server::{Server, Turn};
use crate::support::{Place, finish};

/// The longest that an orderly end takes.
const ORDERLY: Duration = Duration::from_secs(5);

pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// Waits until the process writes something.
fn first_byte(child: &mut Child) {
    let mut byte = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
}

fn endless(place: &Place) -> Child {
    let script = "echo kept > kept; echo begun; while :; do :; done";
    let mut child = place.flue(["exec", "--collect", "kept", script]).spawn();
    first_byte(&mut child);
    child
}

#[test]
fn an_interrupt_ends_a_command_in_order() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let place = Place::new();
        let child = endless(&place);
        let begun = Instant::now();
        signal(&child, name);
        let done = finish(child, begun).code(code);
        assert!(done.took < ORDERLY, "{:?}", done.took);
        assert_eq!((done.stderr.as_str(), place.read("kept").as_str()), ("", "kept\n"));
    }
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let place = Place::new();
    let mut child = place.flue(["exec", "while :; do echo line; done"]).spawn();
    first_byte(&mut child);
    drop(child.stdout.take());
    let done = finish(child, Instant::now()).code(141);
    assert_eq!(done.stderr, "");
}

fn stalled(place: &Place, server: &Server, args: &[&str]) -> Child {
    let all = ["run", "--model", Server::MODEL, "-m", "go", "--events"];
    let mut child = place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).spawn();
    let mut seen = Vec::new();
    // The model has said something and hangs now.
    while !String::from_utf8_lossy(&seen).contains("text_delta") {
        let mut byte = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    child
}

#[test]
fn an_interrupt_ends_a_run_in_order_and_collects_what_there_is() {
    let place = Place::new();
    let write = Turn::Call("write", r#"{"path":"draft.md","content":"a draft"}"#.into());
    let server = Server::start(vec![write, Turn::Stall("thinking about")]);
    let child = stalled(&place, &server, &["--collect", "draft.md", "--collect", "final.md"]);
    let begun = Instant::now();
    signal(&child, "INT");
    let done = finish(child, begun).code(130);
    assert!(done.took < ORDERLY, "{:?}", done.took);
    assert_eq!(place.read("draft.md"), "a draft");
    assert!(done.stdout.contains(r#""outcome":"cancelled""#), "{}", done.stdout);
    let last: Vec<&str> = done.stderr.lines().rev().take(4).collect();
    assert!(last[0].starts_with("stopped  2 turns · "), "{}", done.stderr);
    assert!(last[1].contains("final.md"), "{}", done.stderr);
    assert!(last[2].starts_with("collected /workspace/draft.md"), "{}", done.stderr);
    assert_eq!(last[3], "stopping; once more stops at once");
}

#[test]
fn a_second_interrupt_ends_a_run_at_once() {
    let place = Place::new();
    // Reading the pipe hangs, whatever is cancelled: only the second signal gets through.
    let made = Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    let child = place.flue(["run", "--model", "scripted/echo", "-m", "hi", "--stage", "pipe"]).spawn();
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    signal(&child, "INT");
    let done = finish(child, begun).code(130);
    assert!(done.took < Duration::from_secs(2), "{:?}", done.took);
}

#[test]
fn a_reader_that_goes_away_ends_a_run_quietly() {
    let place = Place::new();
    let call = || Turn::Call("bash", r#"{"command":"echo a"}"#.into());
    let server = Server::start(std::iter::repeat_with(call).take(200).chain([Turn::Stall("end")]).collect());
    let mut child = place
        .flue(["run", "-q", "--model", Server::MODEL, "-m", "go", "--events"])
        .env(Server::ADDRESS, server.address())
        .spawn();
    first_byte(&mut child);
    drop(child.stdout.take());
    let done = finish(child, Instant::now()).code(141);
    assert_eq!(done.stderr, "");
}

#[test]
fn a_full_disk_ends_it_and_is_told() {
    let place = Place::new();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let exec = place.flue(["exec", "while :; do echo line; done"]).stdout(full()).run().code(125);
    assert!(exec.stderr.starts_with("error: write to standard output: No space left"), "{}", exec.stderr);
    let echo = ["run", "-q", "--model", "scripted/echo", "-m", "hi"];
    let run = place.flue(echo).stdout(full()).run().code(1);
    assert!(run.stderr.starts_with("error: write to standard output: No space left"), "{}", run.stderr);
    let events = place.flue(echo.iter().chain(&["--events=/dev/full"])).run().code(1);
    assert!(events.stderr.starts_with("error: write events: No space left"), "{}", events.stderr);
}
