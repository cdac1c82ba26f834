//! What was said in a session, for people.

use flue_core::model::{AssistantBlock, Body, UserBlock};
use flue_core::store::{Archive, Entry, EntryKind};
use serde_json::json;

use super::missing;
use crate::exit::Failure;
use crate::output;
use crate::progress::words::{MAX_DETAIL, call, excerpt, one_line};

/// Prints a session: as text, or all that is stored of it as JSON.
pub(super) async fn show(archive: &Archive, name: &str, json: bool) -> Result<(), Failure> {
    let entries = match archive.entries(name).await {
        Ok(entries) => entries,
        Err(error) => return Err(missing(archive, error, name).await),
    };
    if json {
        return output::print_json(&json!({ "session": name, "entries": entries }));
    }
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let lines = described(entry);
        if !lines.is_empty() {
            text.push_str(&format!("[{}] {}\n", index + 1, lines.join("\n    ")));
        }
    }
    output::print_text(&text)
}

/// An entry, on lines of which all but the first are indented.
fn described(entry: &Entry) -> Vec<String> {
    match &entry.kind {
        EntryKind::Created | EntryKind::Prompted { .. } => Vec::new(),
        EntryKind::Forked { from, at } => vec![format!("copied from {from}, up to [{at}]")],
        EntryKind::Message { message } => said(&message.body),
        EntryKind::TurnFailed { error, .. } => vec![format!("a turn failed: {}", one_line(error, MAX_DETAIL))],
        EntryKind::Trimmed { .. } => vec!["old results of tools are shown to the model in short from here".to_owned()],
        EntryKind::Compacted { summary, .. } => {
            headed("what came before is shown to the model as a summary:", summary.lines().map(str::to_owned))
        }
        EntryKind::TaskStarted { task, .. } => vec![format!("task {task} began")],
        EntryKind::TaskFinished { task, .. } => vec![format!("task {task} ended")],
        _ => vec!["something that this version does not know".to_owned()],
    }
}

fn said(body: &Body) -> Vec<String> {
    match body {
        Body::User(user) => headed("user", user.content.iter().flat_map(block)),
        Body::Assistant(said) => {
            let blocks = said.content.iter().flat_map(|block| match block {
                AssistantBlock::Text(text) => text.text.lines().map(str::to_owned).collect(),
                AssistantBlock::ToolCall(tool) => vec![format!("calls {}", call(&tool.name, &tool.arguments))],
                _ => Vec::new(),
            });
            headed(&format!("{}/{}", said.origin.provider, said.origin.model), blocks)
        }
        Body::ToolResult(result) => {
            let mark = if result.is_error { " failed" } else { "" };
            headed(&format!("{}{mark}", one_line(&result.tool, MAX_DETAIL)), excerpt(&result.text()).into_iter())
        }
        _ => vec!["something that this version does not know".to_owned()],
    }
}

fn block(block: &UserBlock) -> Vec<String> {
    match block {
        UserBlock::Text { text } => text.lines().map(str::to_owned).collect(),
        UserBlock::Image(image) => vec![format!("an image, {}", image.media_type)],
        _ => vec!["something that this version does not know".to_owned()],
    }
}

fn headed(head: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(head.to_owned()).chain(lines).collect()
}
