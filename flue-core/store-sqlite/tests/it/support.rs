//! What the tests share.

use flue_core::model::Message;
use flue_core::store::{Entry, EntryKind, SessionKey};

pub(crate) fn key() -> SessionKey {
    SessionKey::new("h", "s")
}

pub(crate) fn said(text: &str) -> Entry {
    Entry::new(1, EntryKind::Message { message: Message::user(text) })
}
