//! `activate_skill`: the instructions of a skill, and the files that they refer to.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{DynTool, Tool, ToolContext, ToolOutput};
use crate::{Error, ErrorKind, Result};

/// The tool that reads skills.
pub(crate) const ACTIVATE_SKILL: &str = "activate_skill";

/// The tool, for sessions that know a skill.
pub(crate) fn skill_tool() -> Arc<dyn DynTool> {
    Arc::new(ActivateSkill)
}

struct ActivateSkill;

/// Arguments of [`ActivateSkill`].
#[derive(Deserialize, JsonSchema)]
struct ActivateSkillArgs {
    /// The skill.
    name: String,
    /// One of its files, to be read instead of the instructions.
    file: Option<String>,
}

#[async_trait]
impl Tool for ActivateSkill {
    type Args = ActivateSkillArgs;
    const NAME: &'static str = ACTIVATE_SKILL;
    const DESCRIPTION: &'static str = "Read the instructions of a skill, and then follow them. With `file`, read a file that \
        they refer to.";

    async fn call(&self, args: ActivateSkillArgs, cx: ToolContext) -> Result<ToolOutput> {
        let Some(run) = &cx.run else {
            return Err(Error::new(ErrorKind::Unsupported, ACTIVATE_SKILL, "skills are known to agents only"));
        };
        let (skills, fs) = (&run.workspace.skills, cx.sandbox().fs());
        let text = match args.file.filter(|file| !file.is_empty()) {
            Some(file) => skills.file(fs, &args.name, &file).await?,
            None => skills.activate(fs, &args.name).await?,
        };
        Ok(ToolOutput::text(text))
    }
}
