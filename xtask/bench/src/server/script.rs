//! What the model "thinks": the review job, as a function of how many tool results a request has.
//!
//! | turn | what it asks for |
//! |---|---|
//! | 0 | to read `document.md` |
//! | 1 | to count its words and look for TODO markers in a shell |
//! | 2 | to write `review.md` |
//! | 3 | nothing: it answers |
//!
//! A model whose name is a number asks for that many readings and countings in turn, and then answers. `hold2` in the name
//! keeps the request of turn 2 waiting until it is released. Parts of a name stand between hyphens.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The answer of every run.
pub(super) const ANSWER: &str = "I reviewed document.md and wrote my findings to review.md. The handbook is well ordered \
    and mostly complete. Three TODO markers are open: the north gate has no keeper, the pilot's number is missing, and \
    nothing says when the sluice is tested. Some sections name the same crane twice. I suggest giving every gate a keeper \
    by name, keeping all numbers in one table, and adding a page on what to do when the pumps fail. With those changes made \
    the handbook can be printed.";

const REVIEW: &str = "# Review of document.md\n\n## Summary\nThe document describes how the harbour is run. It is well \
    ordered, but three TODO markers remain and two sections repeat each other.\n\n## Findings\n1. **The north gate has no \
    keeper.** Section 2 says so itself.\n2. **A number is missing.** Section 4 refers to the pilot without saying how to \
    reach him.\n3. **The sluice is not tested.** Section 6 leaves the date open.\n\n## Suggestions\n- Name a keeper for \
    every gate.\n- Put all numbers in one table and refer to it.\n- Add a page on failing pumps.\n";

/// Turns of the review job before its answer.
const REVIEW_TURNS: usize = 3;

/// What a model's name asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Mode {
    /// Turns of reading and counting; the review job when absent.
    turns: Option<usize>,
    /// The turn whose request waits.
    pub(super) hold: Option<usize>,
}

impl Mode {
    /// The mode of the model `name`.
    pub(super) fn named(name: &str) -> Self {
        let mut mode = Self::default();
        for part in name.split('-') {
            match part.strip_prefix("hold") {
                Some(turn) => mode.hold = turn.parse().ok(),
                None => mode.turns = part.parse().ok().or(mode.turns),
            }
        }
        mode
    }
}

/// A tool that a request offers.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    name: String,
    #[serde(default)]
    input_schema: Schema,
}

#[derive(Debug, Default, Deserialize)]
struct Schema {
    #[serde(default)]
    properties: Map<String, Value>,
}

/// What the model does in a turn.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Says something and calls a tool.
    Call { says: String, tool: String, input: String },
    /// Answers.
    Answer,
}

/// Names that a tool of a kind goes by, and names of its arguments, as harnesses have them.
const READ: &[&str] = &["read", "read_file", "view"];
const WRITE: &[&str] = &["write", "write_file", "create_file"];
const SHELL: &[&str] = &["bash", "shell", "execute"];
const PATH: &[&str] = &["path", "file_path"];
const CONTENT: &[&str] = &["content", "text"];
const COMMAND: &[&str] = &["command", "cmd", "script"];

/// The step of a turn, with tools and arguments called what the request calls them.
pub(super) fn step(mode: &Mode, turn: usize, tools: &[Tool]) -> Result<Step, String> {
    if turn >= mode.turns.unwrap_or(REVIEW_TURNS) {
        return Ok(Step::Answer);
    }
    let count = "wc -w document.md; grep -n TODO document.md";
    match mode.turns {
        None if turn == 0 => call("I'll read the document first.", tools, READ, &[(PATH, "document.md")]),
        None if turn == 1 => call("Now I'll count its words and look for markers.", tools, SHELL, &[(COMMAND, count)]),
        None => call("I'll write the review.", tools, WRITE, &[(PATH, "review.md"), (CONTENT, REVIEW)]),
        Some(_) if turn.is_multiple_of(2) => {
            call(&format!("Step {turn}: reading it again."), tools, READ, &[(PATH, "document.md")])
        }
        Some(_) => {
            let command = format!("{count}; echo step {turn}");
            call(&format!("Step {turn}: counting."), tools, SHELL, &[(COMMAND, &command)])
        }
    }
}

fn call(says: &str, tools: &[Tool], names: &[&str], arguments: &[(&[&str], &str)]) -> Result<Step, String> {
    let tool = tools.iter().find(|tool| names.contains(&tool.name.as_str()));
    let tool = tool.ok_or_else(|| format!("the script needs a tool called one of {names:?}, and none is offered"))?;
    let mut input = Map::new();
    for (names, value) in arguments {
        let name = names.iter().find(|name| tool.input_schema.properties.contains_key(**name));
        let name = name.ok_or_else(|| format!("`{}` has no argument called one of {names:?}", tool.name))?;
        input.insert((*name).to_owned(), json!(value));
    }
    Ok(Step::Call { says: says.to_owned(), tool: tool.name.clone(), input: Value::Object(input).to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> Vec<Tool> {
        serde_json::from_value(json!([
            {"name": "read_file", "input_schema": {"properties": {"file_path": {}}}},
            {"name": "bash", "input_schema": {"properties": {"command": {}}}},
            {"name": "write", "input_schema": {"properties": {"path": {}, "content": {}}}},
        ]))
        .unwrap()
    }

    fn called(step: Result<Step, String>) -> (String, String) {
        match step.unwrap() {
            Step::Call { tool, input, .. } => (tool, input),
            Step::Answer => panic!("answered"),
        }
    }

    #[test]
    fn the_review_takes_three_calls_by_the_names_on_offer() {
        let mode = Mode::named("scripted");
        let (tool, input) = called(step(&mode, 0, &tools()));
        assert_eq!((tool.as_str(), input.as_str()), ("read_file", r#"{"file_path":"document.md"}"#));
        assert_eq!(called(step(&mode, 1, &tools())).0, "bash");
        assert!(called(step(&mode, 2, &tools())).1.contains("# Review of document.md"));
        assert_eq!(step(&mode, 3, &tools()), Ok(Step::Answer));
    }

    #[test]
    fn a_number_is_that_many_turns_and_a_hold_is_a_turn() {
        assert_eq!(Mode::named("scripted-hold2"), Mode { turns: None, hold: Some(2) });
        let mode = Mode::named("50");
        assert_eq!(called(step(&mode, 48, &tools())).0, "read_file");
        assert!(called(step(&mode, 49, &tools())).1.contains("echo step 49"));
        assert_eq!(step(&mode, 50, &tools()), Ok(Step::Answer));
    }

    #[test]
    fn a_missing_tool_or_argument_is_named() {
        assert!(step(&Mode::default(), 0, &[]).unwrap_err().contains("read_file"));
        let bare: Vec<Tool> = serde_json::from_value(json!([{"name": "read"}])).unwrap();
        assert!(step(&Mode::default(), 0, &bare).unwrap_err().contains("`read` has no argument"));
    }
}
