//! The reviewer: what it calls, what it makes of the answers, and what it says when tools fail.

use std::sync::Arc;

use flue_core::model::{Assistant, Message, ModelRequest, ToolCall, ToolResult, ToolSet, ToolSpec, UserBlock};
use serde_json::{Value, json};

use crate::ask;

const PROMPT: &str = "Review document.md and write your findings to review.md.";

fn spec(name: &str, keys: &[&str]) -> ToolSpec {
    let properties: serde_json::Map<String, Value> = keys.iter().map(|key| (key.to_string(), json!({}))).collect();
    ToolSpec {
        name: name.into(),
        description: String::new(),
        parameters: json!({"type": "object", "properties": properties}),
    }
}

fn every_tool() -> Vec<ToolSpec> {
    vec![spec("read", &["path", "offset"]), spec("bash", &["command"]), spec("write", &["path", "content"])]
}

type Answer = Result<String, String>;

/// Runs a whole prompt against tools that answer as `tool` says, and gives what was called and the last words.
async fn review(tools: Vec<ToolSpec>, tool: impl Fn(&ToolCall) -> Answer) -> (Vec<ToolCall>, String) {
    let model = flue_models_scripted::open("reviewer").unwrap();
    let tools = Arc::new(ToolSet::new(tools));
    let mut messages = vec![Message::user("Something else, before."), Message::user(PROMPT)];
    let mut called = Vec::new();
    for _ in 0..10 {
        let mut request = ModelRequest::new(messages.clone());
        request.tools = tools.clone();
        let again = ask(&*model, request.clone()).await.unwrap();
        let turn = ask(&*model, request).await.unwrap();
        assert_eq!(turn, again, "the same conversation gave two turns");
        let assistant: Assistant = turn.into_assistant(model.info().origin.clone());
        let calls: Vec<ToolCall> = assistant.tool_calls().cloned().collect();
        if calls.is_empty() {
            return (called, assistant.text());
        }
        messages.push(Message::new(assistant));
        for call in calls {
            let (text, is_error) = match tool(&call) {
                Ok(text) => (text, false),
                Err(text) => (text, true),
            };
            messages.push(Message::new(ToolResult {
                call_id: call.id.clone(),
                tool: call.name.clone(),
                content: vec![UserBlock::text(text)],
                is_error,
            }));
            called.push(call);
        }
    }
    panic!("no answer after ten turns: {called:?}");
}

/// A sandbox with one document, of which it knows the answers.
fn answers(call: &ToolCall) -> Answer {
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
    let command = arguments["command"].as_str().unwrap_or_default();
    Ok(match call.name.as_str() {
        "read" => "# Plan\n\nThe the plan.\n",
        "write" => "Successfully wrote 10 bytes",
        _ if command.contains("wc") => "40\n  200 1234",
        _ if command.starts_with("grep") => "7:TODO: say `when`\n9:- FIXME",
        _ if command.contains("^#+") => "1:# Plan\n5:### Deep\n9:# Plan",
        _ if command.contains("most") => "20:250",
        _ if command.contains("length") => "12:130\n20:250",
        _ if command.contains("tolower") => "3:the",
        _ => "(no output)",
    }
    .to_owned())
}

fn written(called: &[ToolCall]) -> String {
    let write = called.iter().rfind(|call| call.name == "write").unwrap();
    let arguments: Value = serde_json::from_str(&write.arguments).unwrap();
    assert_eq!(arguments["path"], "review.md");
    arguments["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn it_reads_checks_writes_and_answers() {
    let (called, answer) = review(every_tool(), answers).await;
    let names: Vec<&str> = called.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["read", "bash", "bash", "bash", "bash", "bash", "bash", "bash", "write"]);
    let commands: Vec<&str> = called.iter().map(|call| &*call.arguments).take(8).collect();
    insta::assert_snapshot!("commands", commands.join("\n"));
    insta::assert_snapshot!("review", written(&called));
    insta::assert_snapshot!("answer", answer);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_not_reviewed() {
    let (called, answer) = review(every_tool(), |_| Err("read: no such file".into())).await;
    assert_eq!(called.len(), 1);
    assert!(
        answer.starts_with("I could not read document.md, so I did not review it. The tool said: read: no such file")
    );
}

#[tokio::test]
async fn checks_that_fail_are_told_in_the_review() {
    let (called, answer) = review(every_tool(), |call| match call.name.as_str() {
        "bash" if call.arguments.contains("grep") => Ok("bash: grep: command not found".into()),
        "bash" => Err("the sandbox is gone".into()),
        _ => answers(call),
    })
    .await;
    insta::assert_snapshot!("checks-failed", written(&called));
    assert!(answer.starts_with("I reviewed document.md: no findings, written to review.md."), "{answer}");
}

#[tokio::test]
async fn findings_that_cannot_be_written_are_said() {
    let (_, answer) = review(every_tool(), |call| match call.name.as_str() {
        "write" => Err("read-only".into()),
        _ => answers(call),
    })
    .await;
    assert!(answer.contains("I could not write review.md; the tool said: read-only"), "{answer}");
    assert!(answer.contains("Line 7: open marker"), "{answer}");
}

#[tokio::test]
async fn tools_that_are_missing_are_missed() {
    let (called, answer) = review(Vec::new(), answers).await;
    assert!(called.is_empty() && answer.starts_with("I was offered no tool to read document.md with"), "{answer}");

    let (called, answer) = review(vec![spec("bash", &["command"])], |call| {
        if call.arguments.contains("cat") { Ok("# Plan".into()) } else { answers(call) }
    })
    .await;
    assert_eq!(called.len(), 8);
    assert!(answer.contains("I was offered no tool to write review.md with"), "{answer}");

    let files = vec![spec("read", &["path"]), spec("write", &["path", "content"])];
    let (called, _) = review(files, answers).await;
    assert!(written(&called).contains("No tool was offered to run commands with"));
}

#[tokio::test]
async fn without_a_document_it_says_what_it_does() {
    let model = flue_models_scripted::open("reviewer").unwrap();
    let turn = ask(&*model, ModelRequest::new(vec![Message::user("Hello.")])).await.unwrap();
    let text = turn.into_assistant(model.info().origin.clone()).text();
    assert!(text.contains("is a script, not a language model") && text.contains("Review document.md"), "{text}");
}
