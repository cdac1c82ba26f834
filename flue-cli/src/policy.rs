//! Which tool calls run: rules of the command line and of agent files.

use std::fmt;

use clap::Args;
use flue_core::policy::{Decision, Rules};
use flue_core::tool::BUILTIN_TOOLS;

use crate::suggest;

/// The tools that an agent has besides the built-in ones, where it has subagents or skills.
const FURTHER_TOOLS: [&str; 2] = ["task", "activate_skill"];

/// What becomes of the calls of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// They do not run.
    Deny,
    /// The user is asked about each.
    Ask,
    /// They run.
    Allow,
}

impl Verdict {
    const ALL: [(&str, Self); 3] = [("allow", Self::Allow), ("ask", Self::Ask), ("deny", Self::Deny)];

    /// Reads the word that an agent file has.
    ///
    /// # Errors
    /// Says which words there are.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == word);
        found.map(|(_, verdict)| verdict).ok_or_else(|| {
            let hint = suggest::hint(word, Self::ALL.map(|(name, _)| name));
            format!("`{word}` is no rule{hint} (there are allow, ask, deny)")
        })
    }
}

/// The tools that a rule is about: one by its name, or all whose names begin so.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Reads a pattern. A name that no tool has is a slip, and a rule about it would hold nothing.
    ///
    /// # Errors
    /// Says which tools there are.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tools = BUILTIN_TOOLS.into_iter().chain(FURTHER_TOOLS);
        let fits = |tool: &str| match text.strip_suffix('*') {
            Some(start) => tool.starts_with(start),
            None => tool == text,
        };
        if tools.clone().any(fits) {
            return Ok(Self(text.to_owned()));
        }
        let hint = suggest::hint(text, tools.clone());
        let names: Vec<&str> = tools.collect();
        Err(format!("there is no tool `{text}`{hint} (there are {}; `*` is all of them)", names.join(", ")))
    }

    /// How much it says: a name more than the start of one.
    fn precision(&self) -> usize {
        match self.0.strip_suffix('*') {
            Some(start) => start.len(),
            None => usize::MAX,
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A rule.
pub(crate) type Rule = (Pattern, Verdict);

/// The rules of the command line.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Tools")]
pub(crate) struct PolicyArgs {
    /// Let calls of this tool run; `*` is all, and a name
    /// counts more than `*`. They do when nothing is said
    #[arg(long, value_name = "TOOL", value_parser = Pattern::parse, verbatim_doc_comment)]
    pub(crate) allow: Vec<Pattern>,
    /// Be asked before each call; with nobody at a
    /// terminal, none runs
    #[arg(long, value_name = "TOOL", value_parser = Pattern::parse, verbatim_doc_comment)]
    pub(crate) ask: Vec<Pattern>,
    /// Let none run; all three are repeatable
    #[arg(long, value_name = "TOOL", value_parser = Pattern::parse)]
    pub(crate) deny: Vec<Pattern>,
}

impl PolicyArgs {
    /// The rules, in no order.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let with =
            |patterns: &[Pattern], verdict| patterns.iter().map(move |pattern| (pattern.clone(), verdict)).collect();
        let lists: [Vec<Rule>; 3] =
            [with(&self.deny, Verdict::Deny), with(&self.ask, Verdict::Ask), with(&self.allow, Verdict::Allow)];
        lists.concat()
    }
}

/// A policy of rules: for each tool those of `first` count before those of `then`, and among them the one that is most precise,
/// or else the strictest. `None` when there are no rules.
pub(crate) fn policy(first: Vec<Rule>, then: Vec<Rule>) -> Option<Rules> {
    if first.is_empty() && then.is_empty() {
        return None;
    }
    let sorted = |mut rules: Vec<Rule>| {
        rules.sort_by_key(|(pattern, verdict)| (std::cmp::Reverse(pattern.precision()), *verdict));
        rules
    };
    let all = sorted(first).into_iter().chain(sorted(then));
    Some(all.fold(Rules::or(Decision::Allow), |rules, (pattern, verdict)| {
        let decision = match verdict {
            Verdict::Allow => Decision::Allow,
            Verdict::Ask => Decision::ask("the user wants to be asked"),
            Verdict::Deny => Decision::deny("the user does not let this tool be used; do without it"),
        };
        rules.with(pattern.0, decision)
    }))
}

#[cfg(test)]
mod tests {
    use flue_core::policy::{Policy, ToolRequest};

    use super::*;

    fn rule(pattern: &str, verdict: Verdict) -> Rule {
        (Pattern::parse(pattern).unwrap(), verdict)
    }

    #[test]
    fn the_most_precise_rule_counts_and_then_the_strictest() {
        let rules = policy(
            vec![rule("*", Verdict::Ask), rule("read", Verdict::Allow), rule("w*", Verdict::Allow)],
            vec![rule("read", Verdict::Deny), rule("write", Verdict::Deny)],
        );
        let rules = rules.unwrap();
        let decide = |tool| rules.decide(&ToolRequest::new(tool, "{}", "s"));
        assert_eq!(decide("read"), Decision::Allow);
        assert_eq!(decide("write"), Decision::Allow);
        assert!(matches!(decide("bash"), Decision::Ask { .. }));
        let both = policy(vec![rule("bash", Verdict::Allow), rule("bash", Verdict::Deny)], vec![]).unwrap();
        assert!(matches!(both.decide(&ToolRequest::new("bash", "{}", "s")), Decision::Deny { .. }));
        assert_eq!(both.decide(&ToolRequest::new("read", "{}", "s")), Decision::Allow);
        assert!(policy(vec![], vec![]).is_none());
    }

    #[test]
    fn slips_are_refused() {
        assert!(Pattern::parse("bahs").unwrap_err().contains("did you mean `bash`?"));
        assert!(Pattern::parse("x*").is_err() && Pattern::parse("").is_err());
        assert!(Pattern::parse("*").is_ok() && Pattern::parse("task").is_ok());
        assert!(Verdict::parse("denny").unwrap_err().contains("did you mean `deny`?"));
    }
}
