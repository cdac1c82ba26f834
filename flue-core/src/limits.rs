//! Limits: what a prompt, and a session over all its prompts, may take.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::Usage;
use crate::prompt::OPERATION;
use crate::{Error, ErrorKind, Result};

/// What a prompt or a session may take. What is not set is not limited.
///
/// Reaching a limit ends the prompt with [`ErrorKind::LimitExceeded`], whose facts `limit` and `scope` say which one it was;
/// what is done is stored, and the session can go on. Turns, tokens and cost are looked at before each model turn, so that they
/// are exceeded by one turn at the most. What subagents take counts too, but for their turns.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Model turns, failed ones included.
    pub turns: Option<u32>,
    /// Tokens of all turns together, [input and output](Usage::total).
    pub tokens: Option<u64>,
    /// US dollars. A model whose turns have no known cost ends the prompt with [`ErrorKind::Config`].
    pub cost: Option<f64>,
    /// Wall time of a prompt; of a session, the time of its model turns and tool calls added up.
    pub time: Option<Duration>,
    /// Tool calls; those beyond are answered with an error and not run, which ends the prompt.
    pub tool_calls: Option<u64>,
    /// Time of all tool calls together. Each may run for what is left when it begins, and is cancelled then.
    pub tool_time: Option<Duration>,
    /// Tool calls at the same time: further ones wait. At most 16 run anyway.
    pub concurrent_tools: Option<usize>,
}

impl Limits {
    /// No limits.
    pub fn none() -> Self {
        Self::default()
    }

    /// Limits model turns.
    #[must_use]
    pub fn with_turns(mut self, turns: u32) -> Self {
        self.turns = Some(turns);
        self
    }

    /// Limits tokens.
    #[must_use]
    pub fn with_tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Limits US dollars.
    #[must_use]
    pub fn with_cost(mut self, dollars: f64) -> Self {
        self.cost = Some(dollars);
        self
    }

    /// Limits time.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Limits tool calls.
    #[must_use]
    pub fn with_tool_calls(mut self, calls: u64) -> Self {
        self.tool_calls = Some(calls);
        self
    }

    /// Limits the time of tool calls.
    #[must_use]
    pub fn with_tool_time(mut self, time: Duration) -> Self {
        self.tool_time = Some(time);
        self
    }

    /// Limits tool calls at the same time.
    #[must_use]
    pub fn with_concurrent_tools(mut self, calls: usize) -> Self {
        self.concurrent_tools = Some(calls);
        self
    }

    /// These limits, and those of `others` where these say nothing.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            turns: self.turns.or(others.turns),
            tokens: self.tokens.or(others.tokens),
            cost: self.cost.or(others.cost),
            time: self.time.or(others.time),
            tool_calls: self.tool_calls.or(others.tool_calls),
            tool_time: self.tool_time.or(others.tool_time),
            concurrent_tools: self.concurrent_tools.or(others.concurrent_tools),
        }
    }

    /// Checks that something is possible within these limits.
    pub(crate) fn check(&self, kind: ErrorKind, operation: &'static str) -> Result<()> {
        let zero = [
            ("turns", self.turns == Some(0)),
            ("tokens", self.tokens == Some(0)),
            ("cost", self.cost.is_some_and(|cost| !(cost > 0.0 && cost.is_finite()))),
            ("time", self.time == Some(Duration::ZERO)),
            ("concurrent_tools", self.concurrent_tools == Some(0)),
        ];
        match zero.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((limit, _)) => {
                Err(Error::new(kind, operation, "a limit must be above 0, or nothing can be done").with("limit", limit))
            }
            None => Ok(()),
        }
    }

    /// An error when what was spent leaves no room for another model turn.
    fn reached(&self, spent: &Spent, scope: Scope) -> Result<()> {
        if let Some(limit) = self.turns.filter(|limit| spent.turns >= u64::from(*limit)) {
            return Err(scope.reached("turns", limit));
        }
        if let Some(limit) = self.tokens.filter(|limit| spent.usage.total() >= *limit) {
            return Err(scope.reached("tokens", limit).with("spent", spent.usage.total()));
        }
        if let Some(limit) = self.cost {
            match spent.usage.cost {
                Some(cost) if cost.total >= limit => {
                    return Err(scope.reached("cost", limit).with("spent", format_args!("{:.6}", cost.total)));
                }
                None if spent.usage.total() > 0 => {
                    let why = "what this model costs is not known, so cost cannot be limited; limit tokens instead";
                    return Err(Error::new(ErrorKind::Config, OPERATION, why).with("limit", "cost"));
                }
                _ => {}
            }
        }
        match self.time.filter(|limit| scope == Scope::Session && spent.time >= *limit) {
            Some(limit) => Err(scope.reached("time", format_args!("{} s", limit.as_secs_f64()))),
            None => Ok(()),
        }
    }
}

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Prompt,
    Session,
}

impl Scope {
    /// The error of a prompt that ends because of a limit.
    pub(crate) fn reached(self, limit: &'static str, allowed: impl fmt::Display) -> Error {
        let (scope, next) = match self {
            Self::Prompt => ("prompt", "prompt again to go on, or raise it"),
            Self::Session => ("session", "raise it, or begin another session"),
        };
        Error::new(ErrorKind::LimitExceeded, OPERATION, format!("the {scope} has reached its limit of {limit}; {next}"))
            .with("limit", limit)
            .with("scope", scope)
            .with("allowed", allowed)
    }
}

/// What was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) turns: u64,
    pub(crate) usage: Usage,
    pub(crate) tool_calls: u64,
    pub(crate) tool_time: Duration,
    /// Of model turns and tool calls, added up.
    pub(crate) time: Duration,
}

impl Spent {
    /// A model turn, which may have failed.
    pub(crate) fn turn(usage: Usage, time: Duration) -> Self {
        Self { turns: 1, usage, time, ..Self::default() }
    }

    /// A tool call that took this long, counted when it began or now.
    pub(crate) fn tool(calls: u64, time: Duration) -> Self {
        Self { tool_calls: calls, tool_time: time, time, ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.turns = self.turns.saturating_add(other.turns);
        self.usage += other.usage;
        self.tool_calls = self.tool_calls.saturating_add(other.tool_calls);
        self.tool_time = self.tool_time.saturating_add(other.tool_time);
        self.time = self.time.saturating_add(other.time);
    }

    fn and(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }
}

/// Keeps count for one prompt, and through its parents for those whose subagent runs it.
#[derive(Debug)]
pub(crate) struct Ledger {
    prompt: Limits,
    session: Limits,
    /// What the session had taken before the prompt.
    before: Spent,
    spent: Mutex<Spent>,
    /// The limit that kept a tool call from running to its end.
    reached: Mutex<Option<Error>>,
    parent: Option<Arc<Ledger>>,
}

impl Ledger {
    pub(crate) fn new(prompt: Limits, session: Limits, before: Spent, parent: Option<Arc<Self>>) -> Self {
        Self { prompt, session, before, spent: Mutex::default(), reached: Mutex::default(), parent }
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error when there is no room for another model turn, here or with anybody who waits for this.
    pub(crate) fn check(&self) -> Result<()> {
        let spent = *self.spent();
        self.prompt.reached(&spent, Scope::Prompt)?;
        self.session.reached(&self.before.and(&spent), Scope::Session)?;
        self.parent.as_ref().map_or(Ok(()), |parent| parent.check())
    }

    /// Counts something. Parents count what it costs, and not its turns and its time, which they spend waiting.
    pub(crate) fn charge(&self, spent: &Spent) {
        self.spent().add(spent);
        if let Some(parent) = &self.parent {
            parent.charge(&Spent { usage: spent.usage, tool_calls: spent.tool_calls, ..Spent::default() });
        }
    }

    /// Counts a tool call that is about to run; an error for the model when it may not.
    pub(crate) fn begin_call(&self) -> Result<()> {
        self.room_for_call().map_err(|error| {
            let told = Error::new(ErrorKind::LimitExceeded, "call tool", format!("not run: {}", error.message()));
            self.note_reached(error);
            told
        })?;
        self.charge(&Spent::tool(1, Duration::ZERO));
        Ok(())
    }

    /// Remembers the first limit that kept a call from running to its end.
    pub(crate) fn note_reached(&self, error: Error) {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// The limit that kept a call from running to its end.
    pub(crate) fn take_reached(&self) -> Option<Error> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn room_for_call(&self) -> Result<()> {
        if let Some((_, error)) = self.tool_time_left().filter(|(left, _)| left.is_zero()) {
            return Err(error);
        }
        let calls = self.spent().tool_calls;
        if let Some(limit) = self.prompt.tool_calls.filter(|limit| calls >= *limit) {
            return Err(Scope::Prompt.reached("tool_calls", limit));
        }
        if let Some(limit) =
            self.session.tool_calls.filter(|limit| self.before.tool_calls.saturating_add(calls) >= *limit)
        {
            return Err(Scope::Session.reached("tool_calls", limit));
        }
        self.parent.as_ref().map_or(Ok(()), |parent| parent.room_for_call())
    }

    /// How long tools may still run, and the error when they run longer.
    pub(crate) fn tool_time_left(&self) -> Option<(Duration, Error)> {
        let spent = self.spent().tool_time;
        let left = |limits: &Limits, spent: Duration, scope: Scope| {
            let limit = limits.tool_time?;
            let error = scope.reached("tool_time", format_args!("{} s", limit.as_secs_f64()));
            Some((limit.saturating_sub(spent), error))
        };
        let prompt = left(&self.prompt, spent, Scope::Prompt);
        let session = left(&self.session, self.before.tool_time.saturating_add(spent), Scope::Session);
        prompt.into_iter().chain(session).min_by_key(|(left, _)| *left)
    }

    /// How many tools may run at the same time, of `most` that ever do.
    pub(crate) fn concurrent_tools(&self, most: usize) -> usize {
        [self.prompt.concurrent_tools, self.session.concurrent_tools].into_iter().flatten().fold(most, usize::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cost;

    fn usage(tokens: u64, cost: Option<f64>) -> Usage {
        Usage { input: tokens, cost: cost.map(Cost::reported), ..Usage::default() }
    }

    fn limit_of(error: &Error) -> (ErrorKind, Option<&str>, Option<&str>) {
        (error.kind(), error.fact("limit"), error.fact("scope"))
    }

    #[test]
    fn the_session_counts_what_was_before_and_parents_count_costs() {
        let limits = Limits::none().with_tokens(100);
        let parent = Arc::new(Ledger::new(limits.clone().with_turns(1), Limits::none(), Spent::default(), None));
        let before = Spent::turn(usage(50, None), Duration::ZERO);
        let child = Ledger::new(Limits::none(), limits, before, Some(parent.clone()));
        child.charge(&Spent::turn(usage(49, None), Duration::ZERO));
        child.check().unwrap();
        child.charge(&Spent::turn(usage(1, None), Duration::ZERO));
        let error = child.check().unwrap_err();
        assert_eq!(limit_of(&error), (ErrorKind::LimitExceeded, Some("tokens"), Some("session")));
        parent.check().unwrap();
        parent.charge(&Spent::turn(usage(50, None), Duration::ZERO));
        assert_eq!(parent.check().unwrap_err().fact("limit"), Some("turns"));
    }

    #[test]
    fn unknown_cost_is_not_taken_for_none() {
        let ledger = |cost| {
            let ledger = Ledger::new(Limits::none().with_cost(0.5), Limits::none(), Spent::default(), None);
            ledger.check().unwrap();
            ledger.charge(&Spent::turn(usage(10, cost), Duration::ZERO));
            ledger.check()
        };
        ledger(Some(0.4)).unwrap();
        assert_eq!(limit_of(&ledger(Some(0.5)).unwrap_err()), (ErrorKind::LimitExceeded, Some("cost"), Some("prompt")));
        assert_eq!(ledger(None).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn calls_and_their_time_run_out() {
        let session = Limits::none().with_tool_time(Duration::from_secs(5));
        let ledger =
            Ledger::new(Limits::none().with_tool_calls(2), session, Spent::tool(9, Duration::from_secs(1)), None);
        ledger.begin_call().unwrap();
        ledger.begin_call().unwrap();
        assert!(ledger.take_reached().is_none());
        assert!(ledger.begin_call().unwrap_err().message().starts_with("not run: the prompt has reached its limit"));
        assert_eq!(ledger.take_reached().unwrap().fact("limit"), Some("tool_calls"));
        ledger.charge(&Spent::tool(0, Duration::from_secs(3)));
        assert_eq!(ledger.tool_time_left().unwrap().0, Duration::from_secs(1));
        assert_eq!(ledger.concurrent_tools(16), 16);
    }

    #[test]
    fn limits_of_nothing_are_refused() {
        let nothing = [
            Limits::none().with_turns(0),
            Limits::none().with_tokens(0),
            Limits::none().with_cost(0.0),
            Limits::none().with_cost(f64::NAN),
            Limits::none().with_time(Duration::ZERO),
            Limits::none().with_concurrent_tools(0),
        ];
        for limits in nothing {
            assert_eq!(limits.check(ErrorKind::Config, "define agent").unwrap_err().kind(), ErrorKind::Config);
        }
        Limits::none().with_tool_calls(0).check(ErrorKind::Config, "define agent").unwrap();
    }
}
