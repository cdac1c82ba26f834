//! Secrets taken out of events, before anybody sees them.

use std::sync::Arc;

use super::{ErrorSummary, Event};
use crate::policy::Approval;
use crate::redact::Redactor;

impl Event {
    /// Takes the secrets that `redactor` knows out of every text.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        let text = |text: &mut String| redactor.redact_in_place(text);
        let shared = |text: &mut Arc<str>| {
            if let Some(clean) = redactor.redacted(text) {
                *text = clean.into();
            }
        };
        let failure = |error: &mut Option<ErrorSummary>| {
            if let Some(error) = error {
                text(&mut error.message);
            }
        };
        match self {
            Self::SandboxOpened { cwd, .. } => text(cwd),
            Self::WorkspaceSkipped { path, why } => {
                text(path);
                text(why);
            }
            Self::Reached { reach, .. } => Arc::make_mut(reach).map_names(&|name| redactor.redacted(name)),
            Self::PromptStarted { text: said, .. }
            | Self::TextDelta { text: said }
            | Self::ThinkingDelta { text: said }
            | Self::ToolOutput { text: said, .. } => text(said),
            Self::TaskStarted { prompt, .. } => text(prompt),
            Self::ToolStarted { arguments, .. } => shared(arguments),
            Self::ToolDenied { why, .. } | Self::ApprovalStarted { why, .. } => text(why),
            Self::ApprovalFinished { approval: Approval::Refused { why: Some(why) }, .. } => text(why),
            Self::ToolFinished { result, .. } => text(result),
            Self::PromptFinished { error, .. }
            | Self::TurnFinished { error, .. }
            | Self::CompactionFinished { error, .. } => failure(error),
            Self::SandboxClosed
            | Self::LimitReached { .. }
            | Self::TaskFinished { .. }
            | Self::TurnStarted { .. }
            | Self::CompactionStarted { .. }
            | Self::Retrying { .. }
            | Self::Reminded { .. }
            | Self::ToolAllowed { .. }
            | Self::ApprovalFinished { .. }
            | Self::Lagged { .. } => {}
        }
    }
}
