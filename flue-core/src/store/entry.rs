//! What a session remembers, and the text in which stores keep it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Message, Usage};
use crate::reach::{Place, Reach};
use crate::session::CompactionReason;
use crate::{Error, ErrorKind, Result};

/// The format of stored entries. Entries of older formats are read; newer ones are refused.
pub const ENTRY_FORMAT: u32 = 1;

/// One thing that a session remembers.
///
/// Stores keep the text of [`Entry::encode`], whole and unchanged: it says in which format it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Entry {
    #[serde(rename = "v")]
    format: u32,
    /// When it was stored, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How long the step took that it is the result of, in milliseconds: a model's turn, a tool's call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// What the session touched since the entry before, as far as earlier ones do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Arc<Reached>>,
    /// What it is.
    pub kind: EntryKind,
}

/// What was touched, and in which sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Where.
    pub sandbox: Arc<Place>,
    /// What.
    pub reach: Reach,
}

impl Entry {
    /// An entry made at this time.
    pub fn new(at_ms: u64, kind: EntryKind) -> Self {
        Self { format: ENTRY_FORMAT, at_ms, took_ms: None, reached: None, kind }
    }

    /// Says how long the step took.
    #[must_use]
    pub fn with_took_ms(mut self, took_ms: Option<u64>) -> Self {
        self.took_ms = took_ms;
        self
    }

    /// Says what was touched.
    #[must_use]
    pub fn with_reached(mut self, reached: Option<Arc<Reached>>) -> Self {
        self.reached = reached;
        self
    }

    /// The entry as one line of JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] for an entry that is not JSON, which none is.
    pub fn encode(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "encode session entry", "the entry cannot be written as JSON")
                .with_source(error)
        })
    }

    /// Reads what [`Entry::encode`] wrote, in this format or an older one.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a newer format; [`ErrorKind::Protocol`] for anything else that is not an entry.
    pub fn decode(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Stored {
            v: u32,
            at_ms: u64,
            #[serde(default)]
            took_ms: Option<u64>,
            #[serde(default)]
            reached: Option<Arc<Reached>>,
            kind: EntryKind,
        }
        /// All that is certain of an entry of another format.
        #[derive(Deserialize)]
        struct Stamp {
            v: u32,
        }
        match serde_json::from_str::<Stored>(text) {
            Ok(Stored { v: ENTRY_FORMAT, at_ms, took_ms, reached, kind }) => {
                Ok(Self::new(at_ms, kind).with_took_ms(took_ms).with_reached(reached))
            }
            other => match serde_json::from_str::<Stamp>(text) {
                Ok(Stamp { v }) if v > ENTRY_FORMAT => Err(newer_format("read session entry", v, ENTRY_FORMAT)),
                _ => {
                    let why =
                        other.err().map_or_else(|| "there is no such format".to_owned(), |error| error.to_string());
                    let text = format!("a stored entry is damaged: {why}");
                    Err(Error::new(ErrorKind::Protocol, "read session entry", text))
                }
            },
        }
    }
}

/// The error for something stored in format `found` by a program that is newer than this one, which knows `known`.
pub fn newer_format(operation: &'static str, found: impl Into<u64>, known: u32) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        operation,
        "this was stored by a newer version of Flue, in a format that this one does not know; use that version. Nothing was \
         changed",
    )
    .with("stored_format", found.into())
    .with("supported_format", known)
}

/// What a session remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// The session was made by name. One that began with a prompt has no such entry.
    Created,
    /// The entries before this one were copied from another session.
    Forked {
        /// The session that was copied.
        from: Arc<str>,
        /// How many of its entries were.
        at: u64,
    },
    /// The message after this one was said under a key.
    Prompted {
        /// The key.
        key: Arc<str>,
    },
    /// A message of the conversation.
    Message {
        /// The message.
        message: Arc<Message>,
    },
    /// A model turn that failed. Kept for the record and its cost; the model never sees it.
    TurnFailed {
        /// The kind of error.
        kind: String,
        /// Its text.
        error: String,
        /// What the turn cost, as far as is known.
        usage: Usage,
    },
    /// The results of tool calls that came before are shown to the model in short.
    Trimmed {
        /// The place of the first entry that is not concerned.
        before: u64,
    },
    /// What came before is shown to the model as a summary. The entries stay.
    Compacted {
        /// Why.
        reason: CompactionReason,
        /// The summary.
        summary: String,
        /// The place of the first entry that is still shown as it is.
        first_kept: u64,
        /// Files that were read in what the summary is about, its earlier summaries included.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        read_files: BTreeSet<String>,
        /// Files that were modified there.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        modified_files: BTreeSet<String>,
        /// What the summary cost.
        usage: Usage,
    },
    /// A task is about to begin, in a session of its own.
    TaskStarted {
        /// Its id, the place of this entry. Its session is called `task:PARENT:ID`.
        task: Arc<str>,
        /// The tool call that it answers; empty for one that the caller handed over.
        call_id: String,
    },
    /// A task is over.
    TaskFinished {
        /// Which one.
        task: Arc<str>,
        /// What it cost, its own tasks included.
        usage: Usage,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SandboxLevel;

    #[test]
    fn an_entry_survives_its_text() {
        let place = Place { level: SandboxLevel::Local, provider: "local".into(), cwd: "/w".into() };
        let mut reach = Reach { execs: 1, ..Reach::default() };
        reach.commands.insert("ls");
        let message = EntryKind::Message { message: Message::user("a\0\n\u{2028}é") };
        for entry in [
            Entry::new(1, EntryKind::Created),
            Entry::new(2, EntryKind::Forked { from: "a".into(), at: 3 }),
            Entry::new(u64::MAX, message).with_took_ms(Some(7)),
            Entry::new(6, EntryKind::Prompted { key: "k".into() }),
            Entry::new(5, EntryKind::Trimmed { before: 3 }),
            Entry::new(7, EntryKind::Created).with_reached(Some(Arc::new(Reached { sandbox: place.into(), reach }))),
            Entry::new(3, EntryKind::TaskStarted { task: "3".into(), call_id: "c1".into() }),
            Entry::new(4, EntryKind::TaskFinished { task: "3".into(), usage: Usage::default() }),
            Entry::new(0, EntryKind::TurnFailed { kind: "io".into(), error: "x".into(), usage: Usage::default() }),
        ] {
            let text = entry.encode().unwrap();
            assert!(text.starts_with(r#"{"v":1,"#) && !text.contains('\n'), "{text}");
            assert_eq!(Entry::decode(&text).unwrap(), entry);
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        for newer in [r#"{"v":2,"at_ms":1,"kind":{"type":"created"}}"#, r#"{"v":9,"what":"ever"}"#] {
            let error = Entry::decode(newer).unwrap_err();
            assert_eq!((error.kind(), error.fact("supported_format")), (ErrorKind::Unsupported, Some("1")), "{newer}");
        }
        for damaged in [
            "",
            "{",
            "null",
            r#"{"v":1}"#,
            r#"{"v":0,"at_ms":1,"kind":{"type":"created"}}"#,
            r#"{"v":1,"at_ms":1,"kind":{"type":"x"}}"#,
        ] {
            assert_eq!(Entry::decode(damaged).unwrap_err().kind(), ErrorKind::Protocol, "{damaged}");
        }
    }
}
