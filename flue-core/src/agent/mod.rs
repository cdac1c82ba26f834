//! What an agent is: inert data, from which harnesses are started.

mod builder;
mod compaction;
mod persona;
mod retry;
mod subagent;

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use self::builder::AgentBuilder;
pub use self::compaction::Compaction;
pub(crate) use self::persona::Persona;
pub use self::retry::RetryPolicy;
pub use self::subagent::Subagent;
use crate::clock::Clock;
use crate::event::Observer;
use crate::limits::Limits;
use crate::model::{Model, ThinkingLevel};
use crate::policy::Approver;
use crate::redact::Redactor;
use crate::sandbox::Narrowing;
use crate::store::SessionStore;
use crate::tool::{Registry, builtin, skill_tool, task_tool};
use crate::{Capabilities, Result, SandboxFactory};

/// The most model turns of one prompt, unless the agent says otherwise.
pub const DEFAULT_MAX_TURNS: u32 = 1000;

/// An agent: a model, a kind of sandbox, instructions and tools. Cheap to clone; nothing runs until
/// [`AgentSpec::start`].
#[derive(Debug, Clone)]
pub struct AgentSpec(pub(crate) Arc<Definition>);

/// What an agent, or a subagent of one, is.
#[derive(Clone)]
pub(crate) struct Definition {
    /// Who it is; its subagents have become [`Definition::subagents`].
    pub(crate) persona: Persona,
    pub(crate) subagents: Vec<Arc<Definition>>,
    /// What a subagent is called, and what it is for.
    pub(crate) name: Arc<str>,
    pub(crate) description: Arc<str>,
    /// How much less than its parent a subagent reaches.
    pub(crate) narrowing: Narrowing,
    pub(crate) model: Arc<dyn Model>,
    /// Whether a task does not take the model that its parent was told to use.
    pub(crate) has_own_model: bool,
    pub(crate) thinking: ThinkingLevel,
    pub(crate) has_own_thinking: bool,
    pub(crate) sandbox: Arc<dyn SandboxFactory>,
    pub(crate) cwd: Option<String>,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) redactor: Redactor,
    /// Whether spans have what is said in them.
    pub(crate) spans_content: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) compaction: Compaction,
    pub(crate) session_limits: Limits,
    pub(crate) approver: Option<Arc<dyn Approver>>,
    registries: Registries,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("name", &self.name)
            .field("model", &self.model.info().spec())
            .field("sandbox", &self.sandbox)
            .field("cwd", &self.cwd)
            .field("builtin_tools", &self.persona.builtin_tools)
            .field("thinking", &self.thinking)
            .finish_non_exhaustive()
    }
}

impl Definition {
    /// The subagent of this name.
    pub(crate) fn subagent(&self, name: &str) -> Option<&Arc<Self>> {
        self.subagents.iter().find(|subagent| &*subagent.name == name)
    }

    /// The tools of this agent in a sandbox of these capabilities, for sessions that know skills or none.
    pub(crate) fn registry(&self, capabilities: &Capabilities, has_skills: bool) -> Result<Arc<Registry>> {
        let made = self.registries.get(capabilities, has_skills);
        if let Some(registry) = made.get() {
            return Ok(registry.clone());
        }
        let wanted = |name: &str| self.persona.builtin_tools.as_ref().is_none_or(|names| names.contains(name));
        let builtin =
            builtin::available(capabilities).into_iter().filter(|(name, _)| wanted(name)).map(|(_, tool)| tool);
        let task = (!self.subagents.is_empty()).then(task_tool);
        let skill = has_skills.then(skill_tool);
        let registry = Arc::new(Registry::new(builtin.chain(task).chain(skill), self.persona.tools.iter().cloned())?);
        Ok(made.get_or_init(|| registry).clone())
    }
}

/// The tools of an agent, by what decides which there are. All its harnesses share them: schemas take long to make and much
/// memory to keep.
#[derive(Default, Clone)]
struct Registries([OnceLock<Arc<Registry>>; 8]);

impl Registries {
    fn get(&self, capabilities: &Capabilities, has_skills: bool) -> &OnceLock<Arc<Registry>> {
        let bits = [capabilities.exec, capabilities.write, has_skills];
        &self.0[bits.into_iter().fold(0, |index, bit| index << 1 | usize::from(bit))]
    }
}
