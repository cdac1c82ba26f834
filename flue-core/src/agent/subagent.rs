//! Those to whom an agent hands tasks.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::persona::persona_methods;
use super::{Compaction, Definition, Persona, Registries};
use crate::limits::Limits;
use crate::model::{Model, ThinkingLevel};
use crate::policy::Policy;
use crate::sandbox::{Narrowing, cannot_hold};
use crate::skill::Skill;
use crate::tool::{DynTool, Tool};
use crate::{Capabilities, Error, ErrorKind, Result, SandboxInfo};

/// The longest name of a subagent.
const MAX_NAME_BYTES: usize = 64;

/// Somebody to whom an agent hands tasks: with instructions, tools and subagents of its own, a conversation of its own for
/// each task, and the sandbox of its parent.
///
/// What it does not say it takes from its parent: the model, how hard it thinks, the limits of its prompts. Policies of the
/// parent hold for it too. Instructions, tools, skills and subagents are only its own; what the workspace says it reads itself.
///
/// It works in its parent's sandbox and cannot reach more. It can be told to reach less, by a [`Narrowing`]: there is no way to
/// say "more".
///
/// ```
/// use flue_core::{Narrowing, Subagent};
///
/// let reviewer = Subagent::new("reviewer", "Reads a change and says what is wrong with it.")
///     .instructions("You review changes. Name the file and the line of each problem.")
///     .narrowed(Narrowing::none().read_only().no_exec());
/// ```
#[derive(Clone)]
pub struct Subagent {
    name: Arc<str>,
    description: Arc<str>,
    persona: Persona,
    model: Option<Arc<dyn Model>>,
    thinking: Option<ThinkingLevel>,
    narrowing: Narrowing,
}

impl Subagent {
    persona_methods!();

    /// A subagent that its parent calls by `name` for what `description` says.
    pub fn new(name: impl Into<Arc<str>>, description: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            persona: Persona::default(),
            model: None,
            thinking: None,
            narrowing: Narrowing::none(),
        }
    }

    /// What it thinks with, instead of what its parent does.
    #[must_use]
    pub fn model(mut self, model: Arc<dyn Model>) -> Self {
        self.model = Some(model);
        self
    }

    /// How hard it thinks, instead of as its parent does.
    #[must_use]
    pub fn thinking(mut self, level: ThinkingLevel) -> Self {
        self.thinking = Some(level);
        self
    }

    /// How much less than its parent it reaches.
    #[must_use]
    pub fn narrowed(mut self, narrowing: Narrowing) -> Self {
        self.narrowing = narrowing;
        self
    }

    /// Checks its name, its description and its narrowing, before there is an agent that has it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with what is wrong.
    pub fn check(&self) -> Result<()> {
        let bad =
            |why: &'static str| Err(Error::new(ErrorKind::Config, "define subagent", why).with("name", &self.name));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !self.name.starts_with(|first: char| first.is_ascii_alphabetic()) || !self.name.bytes().all(is_word) {
            return bad("a subagent's name begins with a letter and has letters, digits, `_` and `-` only");
        }
        if self.name.len() > MAX_NAME_BYTES {
            return bad("a subagent's name has at most 64 characters");
        }
        if self.description.trim().is_empty() {
            return bad("a subagent needs a description; its parent chooses by it");
        }
        self.narrowing.check()
    }
}

impl fmt::Debug for Subagent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subagent").field("name", &self.name).field("narrowing", &self.narrowing).finish_non_exhaustive()
    }
}

impl Definition {
    /// Checks this definition, and makes those of its subagents from it.
    pub(super) fn with_subagents(mut self) -> Result<Self> {
        self.persona.check()?;
        let mut names = BTreeSet::new();
        for subagent in std::mem::take(&mut self.persona.subagents) {
            subagent.check()?;
            if !names.insert(subagent.name.clone()) {
                return Err(Error::new(
                    ErrorKind::Config,
                    "define subagent",
                    "two subagents have this name; rename one",
                )
                .with("name", &subagent.name));
            }
            let child = self.child(subagent).with_subagents()?;
            self.subagents.push(Arc::new(child));
        }
        // Every name is checked against all built-in ones, so that an agent is valid in every sandbox or in none.
        self.registry(&Capabilities::full(), !self.persona.skills.is_empty())?;
        Ok(self)
    }

    /// Checks that a sandbox can hold commands to what the subagents may reach, so that this is found before any of them works.
    pub(crate) fn check_narrowings(&self, info: &SandboxInfo) -> Result<()> {
        if info.capabilities.narrow {
            return Ok(());
        }
        for subagent in &self.subagents {
            if subagent.narrowing.concerns_commands(info) {
                return Err(cannot_hold(info).with("subagent", &subagent.name));
            }
            // Those below one that runs no commands run none either.
            if !subagent.narrowing.no_exec {
                subagent.check_narrowings(info)?;
            }
        }
        Ok(())
    }

    fn child(&self, subagent: Subagent) -> Self {
        let Subagent { name, description, mut persona, model, thinking, narrowing } = subagent;
        persona.limits = persona.limits.or(&self.persona.limits);
        // What strangers write stays out of the prompts below, too.
        persona.discovers &= self.persona.discovers;
        // The parent's hold for whatever happens below it.
        persona.policies.splice(0..0, self.persona.policies.iter().cloned());
        Self {
            compaction: persona.compaction.clone().unwrap_or_else(|| self.compaction.clone()),
            persona,
            subagents: Vec::new(),
            name,
            description,
            narrowing,
            has_own_model: model.is_some(),
            model: model.unwrap_or_else(|| self.model.clone()),
            has_own_thinking: thinking.is_some(),
            thinking: thinking.unwrap_or(self.thinking),
            session_limits: Limits::none(),
            registries: Registries::default(),
            ..self.clone()
        }
    }
}
