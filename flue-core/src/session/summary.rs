//! The summary that takes the place of the beginning of a conversation: what a model is asked for, and what it is shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::model::{AssistantBlock, Body, Message, UserBlock};

/// The most characters of a tool's result that a summariser is shown, and that a trimmed result keeps.
pub(crate) const MAX_RESULT_CHARS: usize = 2000;
/// The most files of each kind that a summary lists.
const MAX_FILES: usize = 200;

/// What a summariser is told to be.
pub(super) const SYSTEM: &str = "You summarise conversations between a user and an agent that works with tools. You never \
    answer or continue the conversation; you only write its summary.";

const HEADINGS: &str = "Use exactly these headings:\n\n## Goal\n## Constraints & Preferences\n## Progress\n### Done\n### In \
    Progress\n### Blocked\n## Key Decisions\n## Next Steps\n## Critical Context\n\nKeep exact names of files, functions, \
    commands, values and errors. The agent goes on with nothing but this summary and the newest messages; the last request \
    may be unfinished, so say what it is and how far it got.";

/// What a summariser is asked: to begin a summary, or to bring one up to date.
pub(super) fn request(conversation: &str, previous: Option<&str>) -> String {
    let mut text = format!("<conversation>\n{conversation}\n</conversation>\n\n");
    match previous {
        None => text.push_str("Summarise the conversation. "),
        Some(previous) => {
            let _ = write!(text, "<previous-summary>\n{previous}\n</previous-summary>\n\n");
            text.push_str(
                "The conversation goes on from the previous summary. Write the summary of both: keep what still holds, add what \
                 is new, move what was done from In Progress to Done. ",
            );
        }
    }
    text.push_str(HEADINGS);
    text
}

/// A message as a summariser reads it.
pub(super) fn paragraphs(message: &Message) -> String {
    let mut text = String::new();
    match &message.body {
        Body::User(user) => paragraph(&mut text, "User", &blocks(&user.content)),
        Body::ToolResult(result) => paragraph(&mut text, "Tool result", &shortened(&blocks(&result.content))),
        Body::Assistant(assistant) => {
            let mut calls = Vec::new();
            for block in &assistant.content {
                match block {
                    AssistantBlock::Thinking(thinking) => paragraph(&mut text, "Assistant thinking", &thinking.text),
                    AssistantBlock::Text(said) => paragraph(&mut text, "Assistant", &said.text),
                    AssistantBlock::ToolCall(call) => {
                        calls.push(format!("{}({})", call.name, shortened(&call.arguments)));
                    }
                    AssistantBlock::Native(_) => {}
                }
            }
            paragraph(&mut text, "Assistant tool calls", &calls.join("; "));
        }
    }
    text
}

fn paragraph(text: &mut String, who: &str, said: &str) {
    if !said.trim().is_empty() {
        let _ = write!(text, "[{who}]: {}\n\n", said.trim());
    }
}

fn blocks(content: &[UserBlock]) -> String {
    let text = |block: &UserBlock| match block {
        UserBlock::Text { text } => text.clone(),
        UserBlock::Image(_) => "(an image)".to_owned(),
    };
    content.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// The first [`MAX_RESULT_CHARS`] of a text, and how much is missing.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_RESULT_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}\n\n[{more} more characters were left out to save room.]", &text[..end])
        }
    }
}

/// The files that a conversation was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) read: BTreeSet<String>,
    pub(crate) modified: BTreeSet<String>,
}

impl Files {
    /// Adds those of the tool calls of a message.
    pub(super) fn note(&mut self, message: &Message) {
        let Body::Assistant(assistant) = &message.body else { return };
        for call in assistant.tool_calls() {
            let files = match call.name.as_str() {
                "read" => &mut self.read,
                "write" | "edit" => &mut self.modified,
                _ => continue,
            };
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
            if let Some(path) = arguments.get("path").and_then(Value::as_str)
                && files.len() < MAX_FILES
            {
                files.insert(path.to_owned());
            }
        }
    }

    /// The lists at the end of a summary; a file that was modified is not listed as read.
    fn lists(&self) -> String {
        let only_read: BTreeSet<&String> = self.read.difference(&self.modified).collect();
        let mut text = String::new();
        for (tag, files) in [("read-files", only_read), ("modified-files", self.modified.iter().collect())] {
            if !files.is_empty() {
                let _ = write!(text, "\n\n<{tag}>");
                files.iter().for_each(|file| {
                    let _ = write!(text, "\n{file}");
                });
                let _ = write!(text, "\n</{tag}>");
            }
        }
        text
    }
}

/// The message that stands for what was summarised.
pub(super) fn message(summary: &str, files: &Files) -> Arc<Message> {
    Message::user(format!(
        "The conversation up to here was summarised to save room.\n\n<summary>\n{}{}\n</summary>",
        summary.trim(),
        files.lists()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Assistant, Image, Origin, StopReason, Text, Thinking, ToolCall, ToolResult, Usage, User};

    fn assistant(content: Vec<AssistantBlock>) -> Arc<Message> {
        let origin = Origin { provider: "p".into(), api: "a".into(), model: "m".into() };
        let stop = StopReason::ToolUse;
        Message::new(Assistant {
            content,
            stop,
            origin,
            usage: Usage::default(),
            response_id: None,
            response_model: None,
        })
    }

    #[test]
    fn messages_are_shown_with_who_says_them() {
        let image = UserBlock::Image(Image { media_type: "image/png".into(), data: "AAAA".into() });
        let user = Message::new(User { content: vec![UserBlock::text("Look."), image] });
        assert_eq!(paragraphs(&user), "[User]: Look.\n(an image)\n\n");
        let calls = ["a", "b"].map(|name| AssistantBlock::ToolCall(ToolCall::new(name, name, r#"{"n":1}"#)));
        let [a, b] = calls;
        let thinking = AssistantBlock::Thinking(Thinking { text: "Hm.".into(), native: None });
        let shown = paragraphs(&assistant(vec![thinking, AssistantBlock::Text(Text::new("Ok.")), a, b]));
        let expected =
            "[Assistant thinking]: Hm.\n\n[Assistant]: Ok.\n\n[Assistant tool calls]: a({\"n\":1}); b({\"n\":1})\n\n";
        assert_eq!(shown, expected);
        let long = Message::new(ToolResult::error(&ToolCall::new("a", "a", "{}"), "é".repeat(2300)));
        assert!(paragraphs(&long).ends_with("é\n\n[300 more characters were left out to save room.]\n\n"));
    }

    #[test]
    fn files_are_listed_once() {
        let call =
            |name, path: &str| AssistantBlock::ToolCall(ToolCall::new("c", name, &format!(r#"{{"path":"{path}"}}"#)));
        let mut files = Files::default();
        let broken = AssistantBlock::ToolCall(ToolCall::new("c", "read", "{"));
        files.note(&assistant(vec![
            call("read", "b"),
            call("read", "a"),
            call("edit", "b"),
            call("grep", "x"),
            broken,
        ]));
        files.note(&Message::user("read c"));
        let lists = "\n\n<read-files>\na\n</read-files>\n\n<modified-files>\nb\n</modified-files>";
        assert_eq!(files.lists(), lists);
        let text = format!("{:?}", message(" S. \n", &files).body);
        assert!(text.contains(r"<summary>\nS.\n\n<read-files>"), "{text}");
    }
}
