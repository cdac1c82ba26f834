//! `scripted/reviewer`: reviews a document by real use of the tools it is offered.
//!
//! It keeps nothing between turns. Each time it reads the conversation since the prompt, sees what it has called and what
//! came back, and does the next step: read the document, run the checks, write the findings, answer. The same
//! conversation always gives the same turn, and a step that failed is told, not repeated.

mod checks;
mod job;
mod report;
mod tools;

use flue_core::model::{Body, Message, ModelRequest, ToolCall, ToolResult};

use self::checks::Check;
use self::job::Job;
use self::report::Report;
use self::tools::Tools;
use crate::ScriptedTurn;

/// What it says of itself wherever it writes.
const NOTICE: &str =
    "`scripted/reviewer` is a script, not a language model: it counts and looks up, and understands nothing.";

/// The next turn.
pub(crate) fn turn(request: &ModelRequest) -> ScriptedTurn {
    let Some((job, since)) = Job::find(&request.messages) else {
        return ScriptedTurn::text(format!(
            "{NOTICE} It does one job. Name a document for it, such as: Review document.md and write your findings to \
             review.md."
        ));
    };
    let tools = Tools::of(request.tools.specs());
    let done = Done::since(since);

    let Some(read) = tools.read_file(&job.document) else {
        return ScriptedTurn::text(format!(
            "I was offered no tool to read {} with, so I did not review it. {NOTICE}",
            job.document
        ));
    };
    let text = match done.result_of(&read) {
        None => return calling("I read the document first.", vec![read]),
        Some(result) if result.is_error => {
            return ScriptedTurn::text(format!(
                "I could not read {}, so I did not review it. The tool said: {}\n\n{NOTICE}",
                job.document,
                result.text()
            ));
        }
        Some(result) => result.text(),
    };

    let checks = Check::all(&job.document);
    let commands: Vec<ToolCall> = checks.iter().filter_map(|check| tools.run(&check.command)).collect();
    if !commands.is_empty() && commands.iter().any(|command| done.result_of(command).is_none()) {
        return calling("Now I count and search.", commands);
    }
    let mut report = Report::new(&job.document, &text);
    for (check, command) in checks.iter().zip(&commands) {
        match done.result_of(command) {
            Some(result) if !result.is_error => report.add(check, &result.text()),
            Some(result) => report.failed(check, &result.text()),
            None => {}
        }
    }
    if commands.is_empty() {
        report.unchecked();
    }

    let findings = report.to_markdown(NOTICE);
    let (document, count, output) = (&job.document, report.count(), &job.output);
    let Some(write) = tools.write_file(output, &findings) else {
        return ScriptedTurn::text(format!(
            "I reviewed {document}: {count}. I was offered no tool to write {output} with, so here they are.\n\n{findings}"
        ));
    };
    match done.result_of(&write) {
        None => calling("I write down what I found.", vec![write]),
        Some(result) if result.is_error => ScriptedTurn::text(format!(
            "I reviewed {document}: {count}. I could not write {output}; the tool said: {}\n\n{findings}",
            result.text()
        )),
        Some(_) => ScriptedTurn::text(format!("I reviewed {document}: {count}, written to {output}. {NOTICE}")),
    }
}

fn calling(text: &str, calls: Vec<ToolCall>) -> ScriptedTurn {
    let mut turn = ScriptedTurn::text(text);
    for call in calls {
        turn = turn.and_call(call.name, serde_json::Value::String(call.arguments.to_string()));
    }
    turn
}

/// What was called since the prompt, and what came back.
struct Done<'a>(Vec<(&'a ToolCall, &'a ToolResult)>);

impl<'a> Done<'a> {
    fn since(messages: &'a [std::sync::Arc<Message>]) -> Self {
        let mut done = Vec::new();
        let mut open: Vec<&ToolCall> = Vec::new();
        for message in messages {
            match &message.body {
                Body::Assistant(assistant) => open = assistant.tool_calls().collect(),
                Body::ToolResult(result) => {
                    done.extend(open.iter().find(|call| call.id == result.call_id).map(|call| (*call, result)));
                }
                _ => {}
            }
        }
        Self(done)
    }

    /// The last result of the call with this name and these arguments.
    fn result_of(&self, call: &ToolCall) -> Option<&'a ToolResult> {
        let same = |made: &ToolCall| made.name == call.name && made.arguments == call.arguments;
        self.0.iter().rev().find(|(made, _)| same(made)).map(|(_, result)| *result)
    }
}
