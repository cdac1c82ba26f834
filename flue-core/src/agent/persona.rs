//! Who an agent is, whether it is the one that is started or a subagent of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Compaction, Subagent};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::skill::{Catalog, Skill};
use crate::tool::{BUILTIN_TOOLS, DynTool};
use crate::{Error, ErrorKind, Result};

/// What agents and subagents have alike.
#[derive(Clone)]
pub(crate) struct Persona {
    pub(crate) instructions: Arc<str>,
    pub(crate) tools: Vec<Arc<dyn DynTool>>,
    pub(crate) builtin_tools: Option<BTreeSet<String>>,
    pub(crate) policies: Vec<Arc<dyn Policy>>,
    /// Of each prompt.
    pub(crate) limits: Limits,
    pub(crate) subagents: Vec<Subagent>,
    pub(crate) skills: Vec<Skill>,
    /// Whether it reads what the workspace says.
    pub(crate) discovers: bool,
    pub(crate) compaction: Option<Compaction>,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            instructions: "".into(),
            tools: Vec::new(),
            builtin_tools: None,
            policies: Vec::new(),
            limits: Limits::none(),
            subagents: Vec::new(),
            skills: Vec::new(),
            discovers: true,
            compaction: None,
        }
    }
}

impl Persona {
    /// Checks what can be checked without the others.
    pub(crate) fn check(&self) -> Result<()> {
        for name in self.builtin_tools.iter().flatten() {
            if !BUILTIN_TOOLS.contains(&name.as_str()) {
                return Err(Error::new(ErrorKind::Config, "define agent", "there is no built-in tool of this name")
                    .with("tool", name)
                    .with("built_in", BUILTIN_TOOLS.join(" ")));
            }
        }
        Catalog::packaged(&self.skills)?;
        self.limits.check(ErrorKind::Config, "define agent")
    }
}

/// The builder methods that agents and subagents have alike; the type has a field `persona`.
macro_rules! persona_methods {
    () => {
        /// What the agent is told before every conversation.
        #[must_use]
        pub fn instructions(mut self, instructions: impl Into<Arc<str>>) -> Self {
            self.persona.instructions = instructions.into();
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
            self.persona.tools.push(tool);
            self
        }

        /// Offers only these of the [built-in tools](crate::tool::BUILTIN_TOOLS). Without this, all that the sandbox can
        /// serve are offered.
        #[must_use]
        pub fn builtin_tools<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
            self.persona.builtin_tools = Some(names.into_iter().map(Into::into).collect());
            self
        }

        /// Adds a policy, which decides for each tool call whether it runs, those of subagents included. Without one, all do.
        #[must_use]
        pub fn policy(mut self, policy: impl Policy) -> Self {
            self.persona.policies.push(Arc::new(policy));
            self
        }

        /// What each prompt may take. What is not set stays as it was.
        #[must_use]
        pub fn limits(mut self, limits: Limits) -> Self {
            self.persona.limits = limits.or(&self.persona.limits);
            self
        }

        /// Adds a skill that comes with the application.
        #[must_use]
        pub fn skill(mut self, skill: Skill) -> Self {
            self.persona.skills.push(skill);
            self
        }

        /// Whether sessions read what the workspace says: `AGENTS.md`, `CLAUDE.md` and the names of files in the working
        /// directory, and the skills in `.agents/skills`. They do when nothing is said. Where strangers write the files,
        /// strangers write a part of the prompt; what an agent does not read, its subagents do not either.
        #[must_use]
        pub fn workspace_notes(mut self, reads: bool) -> Self {
            self.persona.discovers = reads;
            self
        }

        /// How room is made in long conversations.
        #[must_use]
        pub fn compaction(mut self, compaction: Compaction) -> Self {
            self.persona.compaction = Some(compaction);
            self
        }

        /// Adds somebody to hand tasks to: the agent gets the tool `task`.
        #[must_use]
        pub fn subagent(mut self, subagent: Subagent) -> Self {
            self.persona.subagents.push(subagent);
            self
        }
    };
}

pub(super) use persona_methods;
