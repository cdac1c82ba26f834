//! What an agent is: inert data, from which harnesses are started.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::event::Observer;
use crate::limits::Limits;
use crate::model::{Model, ThinkingLevel};
use crate::policy::{Approver, Policy};
use crate::store::{MemoryStore, SessionStore};
use crate::tool::{BUILTIN_TOOLS, DynTool, Registry, Tool, builtin};
use crate::{Capabilities, Error, ErrorKind, Result, SandboxFactory};

/// The most model turns of one prompt, unless the agent says otherwise.
pub const DEFAULT_MAX_TURNS: u32 = 1000;

/// An agent: a model, a kind of sandbox, instructions and tools. Cheap to clone; nothing runs until
/// [`AgentSpec::start`].
#[derive(Debug, Clone)]
pub struct AgentSpec(pub(crate) Arc<Definition>);

pub(crate) struct Definition {
    pub(crate) model: Arc<dyn Model>,
    pub(crate) sandbox: Arc<dyn SandboxFactory>,
    pub(crate) instructions: Arc<str>,
    pub(crate) cwd: Option<String>,
    pub(crate) tools: Vec<Arc<dyn DynTool>>,
    registries: Registries,
    pub(crate) builtin_tools: Option<BTreeSet<String>>,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retry: RetryPolicy,
    /// Of each prompt.
    pub(crate) limits: Limits,
    pub(crate) session_limits: Limits,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
    pub(crate) approver: Option<Arc<dyn Approver>>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("model", &self.model.info().spec())
            .field("sandbox", &self.sandbox)
            .field("cwd", &self.cwd)
            .field("builtin_tools", &self.builtin_tools)
            .field("thinking", &self.thinking)
            .finish_non_exhaustive()
    }
}

impl AgentSpec {
    /// Begins an agent that thinks with `model` and works in sandboxes from `sandbox`.
    pub fn builder(model: Arc<dyn Model>, sandbox: impl SandboxFactory) -> AgentBuilder {
        AgentBuilder {
            definition: Definition {
                model,
                sandbox: Arc::new(sandbox),
                instructions: "".into(),
                cwd: None,
                tools: Vec::new(),
                registries: Registries::default(),
                builtin_tools: None,
                thinking: ThinkingLevel::default(),
                store: Arc::new(MemoryStore::new()),
                observers: Vec::new(),
                clock: Arc::new(SystemClock),
                retry: RetryPolicy::default(),
                limits: Limits::none().with_turns(DEFAULT_MAX_TURNS),
                session_limits: Limits::none(),
                policies: Vec::new(),
                approver: None,
            },
        }
    }
}

/// Makes an [`AgentSpec`].
pub struct AgentBuilder {
    definition: Definition,
}

impl AgentBuilder {
    /// What the agent is told before every conversation.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<Arc<str>>) -> Self {
        self.definition.instructions = instructions.into();
        self
    }

    /// The directory to work in, absolute or relative to the sandbox's base directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<String>) -> Self {
        self.definition.cwd = Some(cwd.into());
        self
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool(self, tool: impl Tool) -> Self {
        self.dyn_tool(Arc::new(tool))
    }

    /// Adds a tool of any kind.
    #[must_use]
    pub fn dyn_tool(mut self, tool: Arc<dyn DynTool>) -> Self {
        self.definition.tools.push(tool);
        self
    }

    /// Offers only these of the [built-in tools](BUILTIN_TOOLS). Without this, all that the sandbox can serve are offered.
    #[must_use]
    pub fn builtin_tools<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.definition.builtin_tools = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// How hard the model thinks.
    #[must_use]
    pub fn thinking(mut self, level: ThinkingLevel) -> Self {
        self.definition.thinking = level;
        self
    }

    /// Where conversations are kept; in memory when nothing is said.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.definition.store = store;
        self
    }

    /// Adds somebody who sees every event.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.definition.observers.push(observer);
        self
    }

    /// How failed model turns are tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.definition.retry = policy;
        self
    }

    /// The most model turns of one prompt; [`DEFAULT_MAX_TURNS`] when nothing is said.
    #[must_use]
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.definition.limits.turns = Some(turns);
        self
    }

    /// What each prompt may take. What is not set stays as it was.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.definition.limits = limits.or(&self.definition.limits);
        self
    }

    /// What each session may take, over all its prompts and restarts. What is not set stays as it was.
    #[must_use]
    pub fn session_limits(mut self, limits: Limits) -> Self {
        self.definition.session_limits = limits.or(&self.definition.session_limits);
        self
    }

    /// Adds a policy, which decides for each tool call whether it runs. Without one, all do.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy) -> Self {
        self.definition.policies.push(Arc::new(policy));
        self
    }

    /// Who is asked when a policy wants that. Without one, such calls do not run.
    #[must_use]
    pub fn approver(mut self, approver: impl Approver) -> Self {
        self.definition.approver = Some(Arc::new(approver));
        self
    }

    /// Tells the time of day.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.definition.clock = clock;
        self
    }

    /// Checks the definition.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a tool without a proper name, description or schema, for two tools of one name, for an
    /// unknown built-in tool, and for a limit of 0.
    pub fn build(self) -> Result<AgentSpec> {
        let definition = self.definition;
        for name in definition.builtin_tools.iter().flatten() {
            if !BUILTIN_TOOLS.contains(&name.as_str()) {
                return Err(Error::new(ErrorKind::Config, "define agent", "there is no built-in tool of this name")
                    .with("tool", name)
                    .with("built_in", BUILTIN_TOOLS.join(" ")));
            }
        }
        for limits in [&definition.limits, &definition.session_limits] {
            limits.check(ErrorKind::Config, "define agent")?;
        }
        // Every name is checked against all built-in ones, so that an agent is valid in every sandbox or in none.
        definition.registry(&Capabilities::full())?;
        Ok(AgentSpec(Arc::new(definition)))
    }
}

impl Definition {
    /// The tools of this agent in a sandbox of these capabilities.
    pub(crate) fn registry(&self, capabilities: &Capabilities) -> Result<Arc<Registry>> {
        let made = if capabilities.exec { &self.registries.with_exec } else { &self.registries.without_exec };
        if let Some(registry) = made.get() {
            return Ok(registry.clone());
        }
        let wanted = |name: &str| self.builtin_tools.as_ref().is_none_or(|names| names.contains(name));
        let builtin =
            builtin::available(capabilities).into_iter().filter(|(name, _)| wanted(name)).map(|(_, tool)| tool);
        let registry = Arc::new(Registry::new(builtin, self.tools.iter().cloned())?);
        Ok(made.get_or_init(|| registry).clone())
    }
}

/// The tools of an agent, by what decides which there are. All its harnesses share them: schemas take long to make and much
/// memory to keep.
#[derive(Default)]
struct Registries {
    with_exec: OnceLock<Arc<Registry>>,
    without_exec: OnceLock<Arc<Registry>>,
}

/// How failed model turns are tried again. Only errors that say they may pass are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The most tries after the first; 3 by default.
    pub retries: u32,
    /// The wait before the first retry, doubled for each further one; 2 seconds by default. A quarter of it is random.
    pub base_delay: Duration,
    /// The longest that a provider may ask us to wait, 60 seconds by default; when it asks for more, the turn fails at once.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3, base_delay: Duration::from_secs(2), max_delay: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// A failed turn fails the prompt.
    pub fn never() -> Self {
        Self { retries: 0, ..Self::default() }
    }

    /// At most so many tries after the first.
    pub fn retries(retries: u32) -> Self {
        Self { retries, ..Self::default() }
    }

    /// Sets the wait before the first retry.
    #[must_use]
    pub fn with_base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }
}
