//! `finish` and `give_up`: the two ways in which a model ends a prompt that wants a result.

use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{REMINDER, Shape};
use crate::model::{Body, Message, ToolCall, ToolSpec, User};
use crate::tool::{DynTool, PreparedCall, ToolContext, ToolOutput, arguments};
use crate::{Error, ErrorKind, Result};

/// The tool that hands in a result.
pub(crate) const FINISH: &str = "finish";
/// The tool that says that there is none.
pub(crate) const GIVE_UP: &str = "give_up";

/// What became of the result that a prompt is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Settled {
    /// It was handed in and passed its check.
    Finished(Value),
    /// The model says that there is none, and why.
    GaveUp(String),
}

/// Where the two tools leave the outcome. The first one stands.
pub(crate) struct Verdict {
    shape: Shape,
    settled: Mutex<Option<Settled>>,
}

impl Verdict {
    pub(crate) fn new(shape: Shape) -> Arc<Self> {
        Arc::new(Self { shape, settled: Mutex::default() })
    }

    /// The tools to offer.
    pub(crate) fn tools(self: &Arc<Self>) -> [Arc<dyn DynTool>; 2] {
        [Arc::new(Finish(self.clone())), Arc::new(GiveUp(self.clone()))]
    }

    /// The outcome, once there is one.
    pub(crate) fn settled(&self) -> Option<Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Judges a call of either tool, and says what the model reads of it.
    ///
    /// # Errors
    /// What is wrong with the call, for the model.
    pub(crate) fn judge(&self, tool: &str, arguments: &str) -> Result<&'static str> {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        match &*settled {
            Some(Settled::Finished(_)) => return Ok("A result was accepted already. Do not call this again."),
            Some(Settled::GaveUp(_)) => return Ok("You have given up already. Do not call this again."),
            None => {}
        }
        if tool == FINISH {
            *settled = Some(Settled::Finished(self.shape.check(arguments)?));
            return Ok("Result accepted.");
        }
        let reason = arguments::parse::<GiveUpArgs>(GIVE_UP, arguments)?.reason;
        if reason.trim().is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                GIVE_UP,
                "the reason is empty; say why there is no result",
            ));
        }
        *settled = Some(Settled::GaveUp(reason.trim().to_owned()));
        Ok("You gave up.")
    }

    /// Takes up the outcome that a conversation has after its last prompt, if it has one.
    pub(crate) fn replay(&self, messages: &[Arc<Message>]) {
        let is_prompt = |message: &Arc<Message>| match &message.body {
            Body::User(user) => *user != User::text(REMINDER),
            _ => false,
        };
        let since = messages.iter().rposition(is_prompt).map_or(0, |prompt| prompt + 1);
        let mut calls: Vec<&ToolCall> = Vec::new();
        for message in &messages[since..] {
            match &message.body {
                Body::Assistant(assistant) => calls = assistant.tool_calls().collect(),
                Body::ToolResult(result) if !result.is_error && [FINISH, GIVE_UP].contains(&result.tool.as_str()) => {
                    if let Some(call) = calls.iter().find(|call| call.id == result.call_id) {
                        // One that does not pass, because another shape is asked for now, is no outcome.
                        let _ = self.judge(&call.name, &call.arguments);
                    }
                }
                _ => {}
            }
        }
    }

    // Judged here and not in the run: calls are prepared in call order, so that of several the first one counts.
    fn prepare(&self, tool: &str, arguments: &str) -> Result<PreparedCall> {
        let said = self.judge(tool, arguments)?;
        Ok(PreparedCall::new(async move { Ok(ToolOutput::text(said)) }))
    }
}

struct Finish(Arc<Verdict>);

impl DynTool for Finish {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: FINISH.to_owned(),
            description: "Hand in the result of the task. The arguments are the result.".to_owned(),
            parameters: self.0.shape.parameters.clone(),
        }
    }

    fn prepare(self: Arc<Self>, arguments: &str, _cx: ToolContext) -> Result<PreparedCall> {
        self.0.prepare(FINISH, arguments)
    }
}

struct GiveUp(Arc<Verdict>);

/// Arguments of `give_up`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GiveUpArgs {
    /// Why there is no result.
    reason: String,
}

impl DynTool for GiveUp {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: GIVE_UP.to_owned(),
            description: "Say that the task cannot be done, and why. Only when no result can be had.".to_owned(),
            parameters: arguments::schema_of::<GiveUpArgs>(),
        }
    }

    fn prepare(self: Arc<Self>, arguments: &str, _cx: ToolContext) -> Result<PreparedCall> {
        self.0.prepare(GIVE_UP, arguments)
    }
}
