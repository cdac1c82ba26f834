//! What a run has taken so far.

use std::time::{Duration, Instant};

use flue_core::event::{Event, Outcome};
use flue_core::model::Usage;

/// What a run has taken so far.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    begun: Instant,
    /// Turns of the model, retries counted.
    pub(crate) turns: u32,
    /// Tokens and money of all turns, those of tasks too.
    pub(crate) usage: Usage,
    /// How the prompt ended.
    pub(crate) outcome: Option<Outcome>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { begun: Instant::now(), turns: 0, usage: Usage::default(), outcome: None }
    }
}

impl Tally {
    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::TurnStarted { turn, .. } => self.turns = *turn,
            Event::TurnFinished { usage, .. } | Event::TaskFinished { usage, .. } => self.usage += *usage,
            Event::PromptFinished { outcome, usage, tasks, turns, .. } => {
                (self.outcome, self.usage, self.turns) = (Some(*outcome), *usage, *turns);
                self.usage += *tasks;
            }
            _ => {}
        }
    }
}
