//! `--schema`: a result in a form.

use serde_json::{Value, json};

use crate::server::{Server, Turn};
use crate::support::{Done, Place};

const SCHEMA: &str =
    r#"{"type":"object","properties":{"risks":{"type":"array","items":{"type":"string"}}},"required":["risks"]}"#;

fn run(turns: Vec<Turn>, args: &[&str]) -> (Done, Server) {
    let place = Place::new();
    place.write("schema.json", SCHEMA).write("number.json", r#"{"type":"integer"}"#);
    let server = Server::start(turns);
    let all = ["run", "--model", Server::MODEL, "-m", "List the risks."];
    let done = place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run();
    (done, server)
}

fn finish(value: Value) -> Turn {
    Turn::Call("finish", value.to_string())
}

#[test]
fn the_result_is_json_on_standard_output_and_was_checked() {
    let wrong = finish(json!({ "risks": "fire" }));
    let right = finish(json!({ "risks": ["fire", "water"] }));
    let (done, server) = run(vec![wrong, right], &["--schema", "schema.json"]);
    let done = done.code(0);
    assert_eq!(done.stdout, "{\n  \"risks\": [\n    \"fire\",\n    \"water\"\n  ]\n}\n");
    assert!(server.requests()[1].contains("risks"), "the model is told what does not fit");
    let (done, _) = run(vec![finish(json!({ "result": 7 }))], &["--schema", "number.json"]);
    assert_eq!(done.code(0).stdout, "7\n");
}

#[test]
fn json_has_the_result_beside_the_rest() {
    let (done, _) = run(vec![finish(json!({ "risks": [] }))], &["--schema", "schema.json", "--json"]);
    let report: Value = serde_json::from_str(&done.code(0).stdout).unwrap();
    assert_eq!((&report["outcome"], &report["result"]), (&json!("completed"), &json!({ "risks": [] })));
}

#[test]
fn a_result_that_cannot_be_had_has_a_reason_and_a_code_of_its_own() {
    let gives_up = || Turn::Call("give_up", r#"{"reason":"There is no plan."}"#.into());
    let (done, _) = run(vec![gives_up()], &["--schema", "schema.json"]);
    let done = done.code(3);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("There is no plan."), "{}", done.stderr);
    let (done, _) = run(vec![gives_up()], &["--schema", "schema.json", "--json"]);
    let report: Value = serde_json::from_str(&done.code(3).stdout).unwrap();
    assert_eq!(report["error"]["kind"], "result_unavailable");
}

#[test]
fn a_schema_that_is_none_is_found_before_anything_runs() {
    let place = Place::new();
    place.write("broken.json", "{\n  \"type\": }").write("no.json", r#"{"type":"strange"}"#);
    let said = |file: &str| {
        let args = ["run", "--model", "scripted/echo", "-m", "x", "--schema", file];
        place.flue(args).run().code(2).stderr
    };
    assert_eq!(said("broken.json"), "error: read schema: broken.json:2:11: expected value\n");
    assert!(said("no.json").starts_with("error: read schema: no.json is no JSON Schema"), "{}", said("no.json"));
    assert!(said("gone.json").contains("gone.json"));
}
