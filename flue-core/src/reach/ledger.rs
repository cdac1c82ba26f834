//! Reach added up from events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reach;
use crate::SandboxLevel;
use crate::event::{Event, EventRecord};

/// The most sessions that are kept apart; what further ones touch is in the whole alone.
pub const MAX_SESSIONS: usize = 64;

/// The sandbox in which something was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// Its rung.
    pub level: SandboxLevel,
    /// Who provides it.
    pub provider: String,
    /// Where relative paths count from: the workspace.
    pub cwd: String,
}

/// What was touched in one sandbox, as a whole and by session.
///
/// It is a fold over events: those of a file give the same ledger as the running harness has. A store has it too, as far as it
/// was told: [`Archive::reach`](crate::store::Archive::reach).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ReachLedger {
    /// The sandbox; absent when its opening was not among the events.
    pub sandbox: Option<Place>,
    /// All of it.
    pub whole: Reach,
    /// By session; those of tasks begin with `task:`.
    pub sessions: BTreeMap<String, Reach>,
    /// Events that a slow reader lost: with any, this is a part of the truth only.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub lost_events: u64,
}

impl ReachLedger {
    /// A ledger of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what an event tells.
    pub fn apply(&mut self, record: &EventRecord) {
        match &record.event {
            Event::SandboxOpened { level, provider, cwd } => {
                self.sandbox = Some(Place { level: *level, provider: provider.clone(), cwd: cwd.clone() });
            }
            Event::Reached { reach, .. } => {
                self.add(record.session.as_deref(), reach);
            }
            Event::Lagged { dropped } => self.lost_events = self.lost_events.saturating_add(*dropped),
            _ => {}
        }
    }

    /// Adds what a session touched; what the harness itself does has none.
    pub(crate) fn add(&mut self, session: Option<&str>, reach: &Reach) {
        self.whole.add(reach);
        let Some(session) = session else { return };
        if let Some(known) = self.sessions.get_mut(session) {
            known.add(reach);
        } else if self.sessions.len() < MAX_SESSIONS {
            self.sessions.insert(session.to_owned(), reach.clone());
        }
    }

    /// The ledger of these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a EventRecord>) -> Self {
        events.into_iter().fold(Self::new(), |mut ledger, record| {
            ledger.apply(record);
            ledger
        })
    }
}
