//! What a prompt gives.

use std::sync::Arc;

use crate::model::{Origin, StopReason, Usage};

/// What an agent answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reply<T = ()> {
    /// The text of the model's last message.
    pub text: String,
    /// The structured result, of prompts that ask for one ([`Prompt::output`](crate::Prompt::output)).
    pub data: T,
    /// Why the model stopped; [`StopReason::Length`] for an answer that was cut.
    pub stop: StopReason,
    /// What all turns of the prompt cost, failed ones included.
    pub usage: Usage,
    /// What the tasks cost that the prompt handed out, and those that they did; not part of [`Reply::usage`].
    pub tasks: Usage,
    /// Model turns taken.
    pub turns: u32,
    /// The model that was asked.
    pub model: Origin,
    /// The session that answered: of a task, its own.
    pub session: Arc<str>,
}
