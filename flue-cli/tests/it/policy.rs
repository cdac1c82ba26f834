//! Which tool calls run.

use crate::server::{Server, Turn};
use crate::support::{Done, Place};

fn run(place: &Place, args: &[&str]) -> (Done, Vec<String>) {
    let write = Turn::Call("write", r#"{"path":"a","content":"x"}"#.into());
    let server = Server::start(vec![write, Turn::Text("done")]);
    let all = ["run", "--sandbox", "local", "--model", Server::MODEL, "-m", "go"];
    let done = place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run().code(0);
    (done, server.requests())
}

#[test]
fn what_is_denied_does_not_run_and_the_model_is_told() {
    for args in
        [&["--deny", "write"][..], &["--deny", "*", "--allow", "read"], &["--allow", "write", "--deny", "write"]]
    {
        let place = Place::new();
        let (done, requests) = run(&place, args);
        assert!(!place.path("a").exists(), "{args:?}");
        assert!(requests[1].contains("the call was not run"), "{}", requests[1]);
        assert!(done.stderr.contains("tool error write"), "{}", done.stderr);
    }
    let place = Place::new();
    run(&place, &["--deny", "*", "--allow", "write"]);
    assert!(place.path("a").exists());
}

#[test]
fn what_is_to_be_asked_about_does_not_run_where_nobody_can_be_asked() {
    let place = Place::new();
    let (_, requests) = run(&place, &["--ask", "write"]);
    assert!(!place.path("a").exists());
    assert!(requests[1].contains("which nobody can give here"), "{}", requests[1]);
}

#[test]
fn an_agent_file_has_rules_and_the_command_line_beats_them() {
    let place = Place::new();
    place.write("a.md", "---\npolicy:\n  '*': allow\n  write: deny\n---\n");
    run(&place, &["a.md"]);
    assert!(!place.path("a").exists());
    run(&place, &["a.md", "--allow", "write"]);
    assert!(place.path("a").exists());
}

#[test]
fn a_rule_about_no_tool_is_a_slip() {
    let place = Place::new();
    let done = place.flue(["run", "-m", "x", "--deny", "bahs"]).run().code(2);
    assert!(done.stderr.contains("there is no tool `bahs`; did you mean `bash`?"), "{}", done.stderr);
}
