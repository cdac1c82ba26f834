//! Subagents and skills of agent files, and skills of the workspace.

use serde_json::{Value, json};

use crate::server::{Server, Turn};
use crate::support::{Done, Place};

const SKILL: &str = "---\nname: notes\ndescription: Writes release notes.\n---\nFollow template.md.\n";

fn run(place: &Place, turns: Vec<Turn>, args: &[&str]) -> (Done, Vec<Value>) {
    let server = Server::start(turns);
    let all = ["run", "--model", Server::MODEL, "-m", "go"];
    let done = place.flue(all.iter().chain(args)).env(Server::ADDRESS, server.address()).run();
    let requests = server.requests().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    (done, requests)
}

fn system(request: &Value) -> String {
    request["messages"][0]["content"].to_string()
}

fn tools(request: &Value) -> Vec<&str> {
    request["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect()
}

#[test]
fn a_subagent_works_with_instructions_tools_and_a_reach_of_its_own() {
    let place = Place::new();
    place.write(
        "boss.md",
        "---\nsubagents:\n  - name: reader\n    description: Reads.\n    instructions: You only read.\n    tools: [read, write]\n    \
         thinking: low\n    policy:\n      write: allow\n    narrow:\n      read_only: true\n      no_exec: true\n---\nYou lead.\n",
    );
    let task = Turn::Call("task", json!({ "prompt": "Look.", "agent": "reader" }).to_string());
    let write = Turn::Call("write", json!({ "path": "a", "content": "x" }).to_string());
    let turns = vec![task, write, Turn::Text("I cannot write."), Turn::Text("Done.")];
    let (done, requests) = run(&place, turns, &["boss.md", "--collect", "a"]);
    let done = done.code(1);
    assert!(done.stderr.contains("there is no such file"), "nothing was written: {}", done.stderr);
    assert_eq!(done.stdout, "Done.\n", "what a subagent says is not the answer");
    assert!(system(&requests[0]).contains("You lead.") && system(&requests[0]).contains("reader"));
    assert!(system(&requests[1]).contains("You only read.") && !system(&requests[1]).contains("You lead."));
    assert!(!tools(&requests[1]).contains(&"bash"), "{:?}", tools(&requests[1]));
    // What it took is part of what the run took: four turns of 100 and 10 tokens.
    assert!(done.stderr.contains("400 tokens in, 40 out"), "{}", done.stderr);
    assert!(done.stderr.contains("tool task  Look."), "{}", done.stderr);
}

#[test]
fn a_policy_holds_for_subagents_too() {
    let place = Place::new();
    place.write("a.md", "---\nsubagents:\n  - name: writer\n    description: Writes.\n---\n");
    let task = Turn::Call("task", json!({ "prompt": "Write.", "agent": "writer" }).to_string());
    let write = Turn::Call("write", json!({ "path": "a", "content": "x" }).to_string());
    let turns = vec![task, write, Turn::Text("I may not."), Turn::Text("Done.")];
    let (done, requests) = run(&place, turns, &["a.md", "--deny", "write", "--sandbox", "local"]);
    assert!(done.code(0).stderr.contains("  tool error write"), "in the task");
    assert!(!place.path("a").exists());
    assert!(requests[2].to_string().contains("the call was not run"));
}

#[test]
fn skills_come_with_the_agent_file_and_from_the_workspace() {
    let place = Place::new();
    place.write("agents/skills/notes/SKILL.md", SKILL).write("agents/skills/notes/template.md", "# Release");
    place.write("agents/a.md", "---\nskills: [skills/notes]\n---\n");
    place.write("work/.agents/skills/tidy/SKILL.md", SKILL.replace("notes", "tidy").replace("release", "tidy"));
    place.write("work/.agents/skills/broken/SKILL.md", "no front matter");
    let read = Turn::Call("activate_skill", json!({ "name": "notes" }).to_string());
    let args = ["agents/a.md", "--stage", "work/.agents:.agents"];
    let (done, requests) = run(&place, vec![read, Turn::Text("Done.")], &args);
    let done = done.code(0);
    let system = system(&requests[0]);
    assert!(system.contains("**notes**") && system.contains("**tidy**") && !system.contains("**broken**"), "{system}");
    assert!(requests[1].to_string().contains("Follow template.md."));
    assert!(done.stderr.contains("passed over /workspace/.agents/skills/broken: SKILL.md, line 1"), "{}", done.stderr);
}

#[test]
fn what_is_malformed_is_named_with_its_place() {
    let place = Place::new();
    place
        .write("bad/SKILL.md", "---\nname: bad\n---\n")
        .write("worse/SKILL.md", "---\nname: worse\ndescription: \"x\n---\n");
    let said = |front: &str| {
        place.write("a.md", format!("---\n{front}\n---\n"));
        let done = place.flue(["run", "a.md", "--model", "scripted/echo", "-m", "x"]).run().code(2);
        done.stderr.replace("error: read agent file: ", "")
    };
    let one = |fields: &str| said(&format!("subagents:\n  - {fields}"));
    let cases = [
        said("skills: [gone]"),
        said("skills:\n  - bad"),
        said("skills:\n  - worse"),
        said("skills: bad"),
        said("policy:\n  bahs: deny"),
        said("policy:\n  bash: no"),
        said("policy:\n  bash: deny\n  bash: ask"),
        said("subagents: reader"),
        one("name: reader"),
        one("description: Reads."),
        one("name: a b\n    description: Reads."),
        one("name: a\n    description: b\n    modle: x/y"),
        one("name: a\n    description: b\n    tools: [reed]"),
        one("name: a\n    description: b\n    narrow: {readonly: true}"),
        one("name: a\n    description: b\n    narrow: {read_only: yes please}"),
    ];
    insta::assert_snapshot!(cases.concat());
    let nobody = one("name: a\n    description: b\n    model: nobody/x");
    assert!(nobody.starts_with("a.md:5:12: subagents[0].model: open model: there is no provider"), "{nobody}");
}
