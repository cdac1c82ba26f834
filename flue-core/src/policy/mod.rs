//! Which tool calls may run: decided for each call, with its arguments, before it does.
//!
//! Invariant: what nobody allowed does not run. A policy that panics, a question that nobody can answer and an answer that is an
//! error are all a "no".

mod rules;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::rules::Rules;
use crate::{Error, ErrorKind, Result};

/// What becomes of a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It runs.
    Allow,
    /// Somebody is asked whether it runs. Without an [`Approver`] it does not.
    Ask {
        /// Why; the approver reads it.
        why: String,
    },
    /// It does not run.
    Deny {
        /// Why; the model reads it.
        why: String,
    },
}

impl Decision {
    /// Somebody is asked, for this reason.
    pub fn ask(why: impl Into<String>) -> Self {
        Self::Ask { why: why.into() }
    }

    /// The call does not run, for this reason.
    pub fn deny(why: impl Into<String>) -> Self {
        Self::Deny { why: why.into() }
    }

    /// The stricter of two decisions.
    fn stricter(self, other: Self) -> Self {
        let strictness = |decision: &Self| match decision {
            Self::Allow => 0,
            Self::Ask { .. } => 1,
            Self::Deny { .. } => 2,
        };
        if strictness(&other) > strictness(&self) { other } else { self }
    }
}

/// A tool call that is to be decided on.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ToolRequest<'a> {
    /// The tool.
    pub tool: &'a str,
    /// Its arguments as the model wrote them, the text of a JSON object. They may not be what the tool takes.
    pub arguments: &'a str,
    /// The session in which it is called; that of a subagent's task begins with `task:`.
    pub session: &'a str,
}

impl<'a> ToolRequest<'a> {
    /// A call of `tool` with `arguments`, in `session`.
    pub fn new(tool: &'a str, arguments: &'a str, session: &'a str) -> Self {
        Self { tool, arguments, session }
    }

    /// The argument called `name`; `null` when there is none.
    pub fn argument(&self, name: &str) -> Value {
        let arguments: Value = serde_json::from_str(self.arguments).unwrap_or_default();
        arguments.get(name).cloned().unwrap_or_default()
    }
}

/// Decides which tool calls run. It is asked before a call is prepared, and must be quick. Closures are policies.
///
/// A policy of an agent holds for its subagents too; where several hold, the strictest decision counts. It is one more
/// barrier, not the boundary: what a command in a sandbox can reach is the sandbox's affair, and an argument that looks
/// harmless may not be.
///
/// ```
/// use flue_core::policy::{Decision, ToolRequest};
///
/// let policy = |call: &ToolRequest<'_>| match call.argument("command").as_str() {
///     Some(command) if command.contains("rm ") => Decision::ask("it removes files"),
///     _ => Decision::Allow,
/// };
/// let call = ToolRequest::new("bash", r#"{"command":"rm -r target"}"#, "default");
/// assert_eq!(policy(&call), Decision::ask("it removes files"));
/// ```
pub trait Policy: Send + Sync + 'static {
    /// What becomes of a call.
    fn decide(&self, call: &ToolRequest<'_>) -> Decision;
}

impl<F: Fn(&ToolRequest<'_>) -> Decision + Send + Sync + 'static> Policy for F {
    fn decide(&self, call: &ToolRequest<'_>) -> Decision {
        self(call)
    }
}

/// A call that somebody is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApprovalRequest {
    /// The call's id.
    pub call_id: Arc<str>,
    /// The tool.
    pub tool: Arc<str>,
    /// Its arguments, the text of a JSON object.
    pub arguments: Arc<str>,
    /// The session in which it is called.
    pub session: Arc<str>,
    /// Why the policy asks.
    pub why: String,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Approval {
    /// The call runs.
    Granted,
    /// It does not.
    Refused {
        /// What the model is told about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

/// Asks somebody whether a call may run.
///
/// Calls of one turn are asked about at the same time. The future is dropped when the prompt is cancelled or its time is up. An
/// error counts as a refusal.
#[async_trait]
pub trait Approver: Send + Sync + 'static {
    /// Waits for the answer.
    async fn ask(&self, request: ApprovalRequest) -> Result<Approval>;
}

/// The strictest decision of several policies.
pub(crate) fn decide(policies: &[Arc<dyn Policy>], call: &ToolRequest<'_>) -> Decision {
    policies.iter().fold(Decision::Allow, |decision, policy| decision.stricter(policy.decide(call)))
}

/// The error that the model reads of a call that may not run.
pub(crate) fn denied(tool: &str, why: &str) -> Error {
    Error::new(ErrorKind::PermissionDenied, "call tool", format!("the call was not run: {why}")).with("tool", tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_decision_counts() {
        let allow: Arc<dyn Policy> = Arc::new(|_: &ToolRequest<'_>| Decision::Allow);
        let ask: Arc<dyn Policy> = Arc::new(|_: &ToolRequest<'_>| Decision::ask("a"));
        let deny: Arc<dyn Policy> = Arc::new(|_: &ToolRequest<'_>| Decision::deny("d"));
        let call = ToolRequest::new("bash", "{", "s");
        assert_eq!(call.argument("command"), Value::Null);
        for (policies, expected) in [
            (vec![], Decision::Allow),
            (vec![allow.clone()], Decision::Allow),
            (vec![ask.clone(), allow.clone()], Decision::ask("a")),
            (vec![ask, deny, allow], Decision::deny("d")),
        ] {
            assert_eq!(decide(&policies, &call), expected);
        }
    }
}
