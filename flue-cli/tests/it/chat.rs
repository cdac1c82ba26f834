//! `flue chat`: at a terminal, and with messages piped in.

use std::time::{Duration, Instant};

use crate::server::{Server, Turn};
use crate::signals::signal;
use crate::support::{Place, finish};
use crate::terminal::Terminal;

fn bash(command: &str) -> Turn {
    Turn::Call("bash", serde_json::json!({ "command": command }).to_string())
}

fn start(place: &Place, server: &Server, args: &str) -> Terminal {
    let home = place.path("");
    let variables = [(Server::ADDRESS, server.address()), ("HOME", home.to_str().unwrap())];
    let mut terminal = Terminal::start_with(place, &format!("chat --model {} {args}", Server::MODEL), &variables);
    terminal.until("/help lists the commands");
    terminal.until("> ");
    terminal
}

#[test]
fn messages_are_answered_and_remembered() {
    let place = Place::new();
    let server = Server::start(vec![Turn::Text("One."), Turn::Text("Two."), Turn::Text("Three.")]);
    let mut terminal = start(&place, &server, "--session talk");
    terminal.types("first\r");
    terminal.until("One.");
    terminal.until("done  1 turn");
    terminal.until("> ");
    // Up, and what was said before comes again.
    terminal.types("\x1b[A again\r");
    terminal.until("Two.");
    terminal.until("> ");
    terminal.types("/cost\r");
    terminal.until("2 messages · 200 tokens in, 20 out");
    terminal.types("/nonsense\r");
    terminal.until("there is no command /nonsense");
    terminal.types("\x04");
    assert_eq!(terminal.end().0, 0);
    assert!(server.requests()[1].contains("first again"), "{}", server.requests()[1]);
    assert_eq!(place.read(".local/state/flue/chat-history").lines().last(), Some("/nonsense"));

    // Another chat goes on with both.
    let mut terminal = start(&place, &server, "--session talk");
    terminal.types("\x1b[A\x1b[A\x1b[A\x1b[A\r");
    terminal.until("Three.");
    terminal.types("/quit\r");
    let (code, _) = terminal.end();
    assert_eq!((code, server.requests()[2].contains("Two.")), (0, true));
}

#[test]
fn ctrl_c_stops_the_turn_and_not_the_program() {
    let place = Place::new();
    let server = Server::start(vec![
        Turn::Stall("Thinking about"),
        bash("echo busy > busy; while :; do :; done"),
        Turn::Text("Still here."),
    ]);
    let mut terminal = start(&place, &server, "");
    terminal.types("one\r");
    terminal.until("Thinking about");
    terminal.types("\x03");
    terminal.until("stopped");
    terminal.until("> ");
    terminal.types("two\r");
    terminal.until("while :; do :; done");
    terminal.types("\x03");
    terminal.until("stopped");
    terminal.until("> ");
    // And at a line that is not sent.
    terminal.types("half\x03");
    terminal.until("Ctrl-D or /quit ends the chat");
    terminal.types("three\r");
    terminal.until("Still here.");
    terminal.types("/quit\r");
    assert_eq!(terminal.end().0, 0);
    assert!(!server.requests()[2].contains("half"));
}

#[test]
fn calls_run_when_they_are_allowed() {
    let place = Place::new();
    let say = |name: &str| bash(&format!("echo {name} >> ran"));
    let server = Server::start(vec![
        say("one"),
        Turn::Text("A."),
        say("two"),
        Turn::Text("B."),
        say("three"),
        Turn::Text("C."),
        say("four"),
        say("five"),
        Turn::Text("D."),
    ]);
    let mut terminal = start(&place, &server, "--ask bash --sandbox local");
    let question = "Run it? [y]es, [n]o, [a]lways in this session: ";
    for (message, command, answer, reply) in [
        ("1", "command: echo one >> ran", "n\r", "A."),
        ("2", "command: echo two >> ran", "what\ry\r", "B."),
        ("3", "command: echo three >> ran", "\x03", "stopped"),
    ] {
        terminal.types(&format!("{message}\r"));
        terminal.until(command);
        terminal.until(question);
        terminal.types(answer);
        terminal.until(reply);
        terminal.until("> ");
    }
    // The call that was given up was answered as such, and the chat goes on behind it.
    terminal.types("4\r");
    terminal.until("C.");
    terminal.until("> ");
    terminal.types("5\r");
    terminal.until(question);
    terminal.types("a\r");
    terminal.until("D.");
    terminal.types("/quit\r");
    let (code, rest) = terminal.end();
    assert!(code == 0 && !rest.contains(question), "asked once only: {rest}");
    assert_eq!(place.read("ran"), "two\nfour\nfive\n");
}

#[test]
fn a_signal_ends_a_chat_in_order() {
    let place = Place::new();
    let server = Server::start(vec![bash("echo kept > kept"), Turn::Stall("And now")]);
    let args = ["chat", "--model", Server::MODEL, "--collect", "kept"];
    let mut child = place.flue(args).env(Server::ADDRESS, server.address()).stdin("go\n").spawn();
    let input = child.stdin.take();
    let begun = Instant::now();
    std::io::Write::write_all(&mut input.as_ref().unwrap(), b"go\n").unwrap();
    while server.requests().len() < 2 {
        assert!(begun.elapsed() < crate::support::PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(&child, "TERM");
    finish(child, begun).code(143);
    assert_eq!(place.read("kept"), "kept\n");
    drop(input);
}

#[test]
fn piped_in_each_line_is_answered() {
    let place = Place::new();
    let chat = |stdin: &str, args: &[&str]| {
        let all = ["chat", "-q", "--model", "scripted/echo"];
        place.keeping(all.iter().chain(args)).stdin(stdin).run()
    };
    let done = chat("one\n\n  \ntwo\\\nmore\r\nlast", &[]).code(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("one\ntwo\nmore\nlast\n", ""));
    assert_eq!(chat("a\n/quit\nb\n", &[]).code(0).stdout, "a\n");
    assert_eq!(chat("", &[]).code(0).stdout, "");
    assert!(chat("a\n\u{1b}", &[]).code(0).stdout.starts_with("a\n"));
    chat("a\n", &["--session", "s"]).code(0);
    let shown = place.keeping(["sessions", "show", "s"]).run().code(0).stdout;
    assert_eq!(shown, "[1] user\n    a\n[2] scripted/echo\n    a\n");
}

#[test]
fn a_message_that_fails_is_told_and_the_next_one_is_said() {
    let place = Place::new();
    let server = Server::start(vec![Turn::Status(400), Turn::Text("Here.")]);
    let args = ["chat", "--model", Server::MODEL];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).stdin("one\ntwo\n").run().code(1);
    assert_eq!(done.stdout, "Here.\n");
    assert!(done.stderr.contains("planted failure"), "{}", done.stderr);
}

#[test]
fn room_can_be_made_by_hand() {
    let place = Place::new();
    let done = place.flue(["chat", "--model", "scripted/echo"]).stdin("one\n/compact\n").run().code(0);
    assert!(done.stderr.contains("there is nothing to summarise yet"), "{}", done.stderr);
}
