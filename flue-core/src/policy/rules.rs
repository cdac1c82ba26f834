//! A policy as a list of rules.

use super::{Decision, Policy, ToolRequest};

/// A policy by the names of tools: the first rule whose pattern fits decides.
///
/// A pattern is a tool's name, or the start of one and a `*`.
///
/// ```
/// use flue_core::policy::{Decision, Policy, Rules, ToolRequest};
///
/// let rules = Rules::or(Decision::deny("this agent only looks"))
///     .with("read", Decision::Allow)
///     .with("mcp__tracker__*", Decision::ask("it may change issues"));
/// let decide = |tool| rules.decide(&ToolRequest::new(tool, "{}", "default"));
/// assert_eq!(decide("read"), Decision::Allow);
/// assert_eq!(decide("mcp__tracker__close"), Decision::ask("it may change issues"));
/// assert_eq!(decide("bash"), Decision::deny("this agent only looks"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    rules: Vec<(String, Decision)>,
    otherwise: Decision,
}

impl Rules {
    /// No rules yet: `otherwise` is decided for every tool.
    pub fn or(otherwise: Decision) -> Self {
        Self { rules: Vec::new(), otherwise }
    }

    /// Adds a rule, after those that are there.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, decision: Decision) -> Self {
        self.rules.push((pattern.into(), decision));
        self
    }
}

impl Policy for Rules {
    fn decide(&self, call: &ToolRequest<'_>) -> Decision {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => call.tool.starts_with(start),
            None => call.tool == pattern,
        };
        let rule = self.rules.iter().find(|(pattern, _)| fits(pattern));
        rule.map_or(&self.otherwise, |(_, decision)| decision).clone()
    }
}
