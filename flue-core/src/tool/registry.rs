//! The tools of an agent, checked and found by name.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::{ACTIVATE_SKILL, BUILTIN_TOOLS, DynTool, TASK};
use crate::model::{ToolSet, ToolSpec};
use crate::output::{FINISH, GIVE_UP};
use crate::{Error, ErrorKind, Result};

/// The longest tool name that every provider takes.
const MAX_NAME_BYTES: usize = 64;
/// The most tools that one agent offers.
const MAX_TOOLS: usize = 512;
/// Names that the harness gives to tools of its own, beside the [built-in ones](BUILTIN_TOOLS).
const RESERVED_NAMES: [&str; 4] = [TASK, ACTIVATE_SKILL, FINISH, GIVE_UP];

/// Tools by name, with the set that the model sees.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    by_name: HashMap<String, Arc<dyn DynTool>>,
    set: Arc<ToolSet>,
}

impl Registry {
    /// Checks names and keeps the order: first the harness's `own` tools, then those of the agent's author.
    pub(crate) fn new(
        own: impl IntoIterator<Item = Arc<dyn DynTool>>,
        custom: impl IntoIterator<Item = Arc<dyn DynTool>>,
    ) -> Result<Self> {
        Self::default().with(own, custom, [])
    }

    /// These tools and more: those of the harness go `before` the author's `custom` ones or `after` them.
    pub(crate) fn with(
        &self,
        before: impl IntoIterator<Item = Arc<dyn DynTool>>,
        custom: impl IntoIterator<Item = Arc<dyn DynTool>>,
        after: impl IntoIterator<Item = Arc<dyn DynTool>>,
    ) -> Result<Self> {
        let mut by_name = self.by_name.clone();
        let mut specs = self.set.specs().to_vec();
        let own = |tool| (tool, true);
        let custom = custom.into_iter().map(|tool| (tool, false));
        for (tool, is_own) in before.into_iter().map(own).chain(custom).chain(after.into_iter().map(own)) {
            let spec = tool.spec();
            check(&spec)?;
            // Also when that tool is not offered: whoever reads a call may take its name for what it always means.
            if !is_own && BUILTIN_TOOLS.iter().chain(&RESERVED_NAMES).any(|name| *name == spec.name) {
                return Err(bad_tool(&spec.name, "this is the name of one of the harness's own tools; rename yours"));
            }
            if by_name.insert(spec.name.clone(), tool).is_some() {
                return Err(bad_tool(&spec.name, "two tools have this name; rename one"));
            }
            specs.push(spec);
        }
        if specs.len() > MAX_TOOLS {
            return Err(Error::new(ErrorKind::LimitExceeded, "define tools", "an agent has too many tools")
                .with("tools", specs.len())
                .with("limit", MAX_TOOLS));
        }
        Ok(Self { by_name, set: Arc::new(ToolSet::new(specs)) })
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn DynTool>> {
        self.by_name.get(name).cloned()
    }

    pub(crate) fn set(&self) -> &Arc<ToolSet> {
        &self.set
    }

    /// The names, in the order in which the model sees them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.set.specs().iter().map(|spec| spec.name.as_str())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

fn check(spec: &ToolSpec) -> Result<()> {
    let name = &spec.name;
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(bad_tool(name, "a tool's name has 1 to 64 characters"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Err(bad_tool(name, "a tool's name has letters, digits, `_` and `-` only"));
    }
    if spec.description.trim().is_empty() {
        return Err(bad_tool(name, "a tool needs a description; the model chooses by it"));
    }
    if spec.parameters.get("type").and_then(|kind| kind.as_str()) != Some("object") {
        return Err(bad_tool(
            name,
            "a tool's arguments are an object: the schema's top level needs `\"type\": \"object\"`",
        ));
    }
    Ok(())
}

fn bad_tool(name: &str, why: &'static str) -> Error {
    Error::new(ErrorKind::Config, "define tool", why).with("tool", name)
}
