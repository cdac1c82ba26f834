//! Makes an agent.

use std::sync::Arc;

use super::persona::persona_methods;
use super::{AgentSpec, Compaction, DEFAULT_MAX_TURNS, Definition, Persona, Registries, RetryPolicy, Subagent};
use crate::clock::{Clock, SystemClock};
use crate::event::Observer;
use crate::limits::Limits;
use crate::model::{Model, ThinkingLevel};
use crate::policy::{Approver, Policy};
use crate::redact::Redactor;
use crate::sandbox::Narrowing;
use crate::skill::Skill;
use crate::store::{MemoryStore, SessionStore};
use crate::tool::{DynTool, Tool};
use crate::{ErrorKind, Result, SandboxFactory};

/// Makes an [`AgentSpec`].
pub struct AgentBuilder {
    persona: Persona,
    model: Arc<dyn Model>,
    thinking: ThinkingLevel,
    sandbox: Arc<dyn SandboxFactory>,
    cwd: Option<String>,
    store: Arc<dyn SessionStore>,
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
    spans_content: bool,
    retry: RetryPolicy,
    session_limits: Limits,
    approver: Option<Arc<dyn Approver>>,
}

impl AgentSpec {
    /// Begins an agent that thinks with `model` and works in sandboxes from `sandbox`.
    pub fn builder(model: Arc<dyn Model>, sandbox: impl SandboxFactory) -> AgentBuilder {
        AgentBuilder {
            persona: Persona { limits: Limits::none().with_turns(DEFAULT_MAX_TURNS), ..Persona::default() },
            model,
            thinking: ThinkingLevel::default(),
            sandbox: Arc::new(sandbox),
            cwd: None,
            store: Arc::new(MemoryStore::new()),
            observers: Vec::new(),
            clock: Arc::new(SystemClock),
            redactor: Redactor::default(),
            spans_content: false,
            retry: RetryPolicy::default(),
            session_limits: Limits::none(),
            approver: None,
        }
    }
}

impl AgentBuilder {
    persona_methods!();

    /// The directory to work in, absolute or relative to the sandbox's base directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// How hard the model thinks.
    #[must_use]
    pub fn thinking(mut self, level: ThinkingLevel) -> Self {
        self.thinking = level;
        self
    }

    /// Where conversations are kept; in memory when nothing is said.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.store = store;
        self
    }

    /// Adds somebody who sees every event.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// How failed model turns are tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The most model turns of one prompt; [`DEFAULT_MAX_TURNS`] when nothing is said.
    #[must_use]
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.persona.limits.turns = Some(turns);
        self
    }

    /// What each session may take, over all its prompts and restarts. What is not set stays as it was.
    #[must_use]
    pub fn session_limits(mut self, limits: Limits) -> Self {
        self.session_limits = limits.or(&self.session_limits);
        self
    }

    /// Who is asked when a policy wants that. Without one, such calls do not run.
    #[must_use]
    pub fn approver(mut self, approver: impl Approver) -> Self {
        self.approver = Some(Arc::new(approver));
        self
    }

    /// Takes secrets out of events, tool results and what is stored of failures, before anybody sees them. What the model
    /// and the store see of them is [`REDACTED`](crate::REDACTED). What the user says, and files, stay as they are.
    #[must_use]
    pub fn redact(mut self, secrets: Redactor) -> Self {
        self.redactor = secrets;
        self
    }

    /// Puts what models and tools say into the spans of `tracing` too. Without this they have names, counts and times.
    #[must_use]
    pub fn content_in_spans(mut self) -> Self {
        self.spans_content = true;
        self
    }

    /// Tells the time of day.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks the definition.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a tool without a proper name, description or schema, for two tools of one name, for an
    /// unknown built-in tool, for a limit of 0, and for subagents without a proper name or description.
    pub fn build(self) -> Result<AgentSpec> {
        self.session_limits.check(ErrorKind::Config, "define agent")?;
        let definition = Definition {
            compaction: self.persona.compaction.clone().unwrap_or_default(),
            persona: self.persona,
            subagents: Vec::new(),
            name: "".into(),
            description: "".into(),
            narrowing: Narrowing::none(),
            model: self.model,
            has_own_model: true,
            thinking: self.thinking,
            has_own_thinking: true,
            sandbox: self.sandbox,
            cwd: self.cwd,
            store: self.store,
            observers: self.observers,
            clock: self.clock,
            redactor: self.redactor,
            spans_content: self.spans_content,
            retry: self.retry,
            session_limits: self.session_limits,
            approver: self.approver,
            registries: Registries::default(),
        };
        Ok(AgentSpec(Arc::new(definition.with_subagents()?)))
    }
}
