//! Entries of every kind, with what is hard to keep in them.

use flue_core::CompactionReason;
use flue_core::model::{
    Assistant, AssistantBlock, Cost, Image, Message, NativeItem, Origin, StopReason, Text, Thinking, ToolCall,
    ToolResult, Usage, User, UserBlock,
};
use flue_core::store::{Entry, EntryKind};

/// Text that naive storage breaks.
pub(super) const AWKWARD: &str =
    "NUL \0, newline \n, return \r, quote \", backslash \\, U+2028 \u{2028}, é, 日本, 🦀, \u{7f}";

/// A user's message as an entry.
pub(super) fn said(text: &str) -> Entry {
    Entry::new(1, EntryKind::Message { message: Message::user(text) })
}

/// An entry of every kind.
pub(super) fn samples() -> Vec<Entry> {
    let message = |message| EntryKind::Message { message };
    let kinds = [
        EntryKind::Created,
        EntryKind::Forked { from: AWKWARD.into(), at: u64::MAX },
        EntryKind::Prompted { key: AWKWARD.into() },
        message(Message::user(AWKWARD)),
        message(Message::new(User {
            content: vec![
                UserBlock::text(""),
                UserBlock::Image(Image { media_type: "image/png".into(), data: "iVBORw0KGgo=".into() }),
            ],
        })),
        message(Message::new(assistant())),
        message(Message::new(ToolResult::error(&ToolCall::new("c1", "read", "{}"), AWKWARD))),
        EntryKind::Trimmed { before: 3 },
        EntryKind::Compacted {
            reason: CompactionReason::Threshold,
            summary: AWKWARD.into(),
            first_kept: 4,
            read_files: [AWKWARD.to_owned()].into(),
            modified_files: [].into(),
            usage: usage(),
        },
        EntryKind::TaskStarted { task: "6".into(), call_id: AWKWARD.into() },
        EntryKind::TaskFinished { task: "6".into(), usage: usage() },
        EntryKind::TurnFailed { kind: "unavailable".into(), error: AWKWARD.into(), usage: usage() },
    ];
    let entries = kinds.into_iter().zip([0, 1, 1_700_000_000_000, u64::MAX].into_iter().cycle());
    entries.map(|(kind, at_ms)| Entry::new(at_ms, kind).with_took_ms((at_ms > 1).then_some(at_ms))).collect()
}

fn assistant() -> Assistant {
    let origin = Origin { provider: "p".into(), api: "a".into(), model: "m/1".into() };
    let native = NativeItem { origin: origin.clone(), kind: "signature".into(), data: AWKWARD.into() };
    let mut call = ToolCall::new("c1", "read", r#"{"path":"a","n":1e400,"n":2}"#);
    call.native = Some(native.clone());
    Assistant {
        content: vec![
            AssistantBlock::Thinking(Thinking { text: AWKWARD.into(), native: Some(native.clone()) }),
            AssistantBlock::Text(Text { text: AWKWARD.into(), native: None }),
            AssistantBlock::Native(native),
            AssistantBlock::ToolCall(call),
            AssistantBlock::ToolCall(ToolCall::new("c2", "read", "{\"cut\":")),
        ],
        stop: StopReason::ToolUse,
        origin,
        usage: usage(),
        response_id: Some("r".into()),
        response_model: None,
    }
}

fn usage() -> Usage {
    let mut usage = Usage::default();
    usage.input = u64::MAX;
    usage.output = 3;
    usage.cost = Some(Cost::reported(0.1 + 0.2));
    usage
}
