//! Limits: reaching one is an end of its own.

use serde_json::Value;

use crate::server::{Server, Turn};
use crate::support::Place;

fn calls() -> Vec<Turn> {
    std::iter::repeat_with(|| Turn::Call("bash", r#"{"command":"echo a"}"#.into())).take(20).collect()
}

#[test]
fn tokens_and_turns_that_are_used_up_end_a_run_with_a_code_of_its_own() {
    // A turn of the server takes 110 tokens.
    for (args, limit, turns) in [(["--max-tokens", "300"], "tokens", 3), (["--max-turns", "2"], "turns", 2)] {
        let place = Place::new();
        let server = Server::start(calls());
        let all = ["run", "--model", Server::MODEL, "-m", "go", "--json"];
        let run = || place.flue(all.iter().chain(&args)).env(Server::ADDRESS, server.address()).run().code(4);
        let done = run();
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!((report["outcome"].as_str(), report["turns"].as_u64()), (Some("limit_reached"), Some(turns)));
        let told = format!("the prompt has reached its limit of {limit}");
        assert!(done.stderr.contains(&told) && done.stderr.contains("limit reached  "), "{}", done.stderr);
    }
}

#[test]
fn cost_is_limited_where_it_is_known() {
    let place = Place::new();
    let said = |value: &str, model: &str| {
        place.flue(["run", "--model", model, "-m", "x", "--max-cost", value]).run().code(2).stderr
    };
    assert!(said("1", Server::MODEL).contains("what this model costs is not known"));
    for value in ["0", "nan", "much"] {
        assert!(said(value, "scripted/echo").contains("--max-cost"), "{value}");
    }
}

#[test]
fn cost_that_is_used_up_ends_a_run() {
    let place = Place::new();
    let server = Server::start(calls());
    // A model whose price is known, on another server.
    let args = ["run", "--model", "mistral/mistral-large-latest", "-m", "go", "--max-cost", "0.0000001"];
    let done = place.flue(args).env("MISTRAL_BASE_URL", server.address()).env("MISTRAL_API_KEY", "k").run().code(4);
    assert!(done.stderr.contains("reached its limit of cost"), "{}", done.stderr);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_chat_has_its_budget_for_all_messages() {
    let place = Place::new();
    let server = Server::start(std::iter::repeat_with(|| Turn::Text("ok")).take(20).collect());
    let args = ["chat", "--model", Server::MODEL, "--max-tokens", "200"];
    let done = place.flue(args).env(Server::ADDRESS, server.address()).stdin("1\n2\n3\n").run().code(1);
    assert_eq!(done.stdout, "ok\nok\n");
    assert!(done.stderr.contains("the session has reached its limit of tokens"), "{}", done.stderr);
    assert_eq!(server.requests().len(), 2);
}
