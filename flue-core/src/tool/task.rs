//! `task`: work that is handed to a subagent.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{DynTool, Tool, ToolContext, ToolOutput};
use crate::prompt::Prompt;
use crate::session::Task;
use crate::{Error, ErrorKind, Result};

/// The tool that hands tasks to subagents.
pub(crate) const TASK: &str = "task";

/// The tool, for agents that have somebody to hand tasks to.
pub(crate) fn task_tool() -> Arc<dyn DynTool> {
    Arc::new(TaskTool)
}

struct TaskTool;

/// Arguments of [`TaskTool`].
#[derive(Deserialize, JsonSchema)]
struct TaskArgs {
    /// All that the subagent is to know and do. It knows nothing of this conversation.
    prompt: String,
    /// A label of a few words, for people.
    #[serde(rename = "description")]
    _description: Option<String>,
    /// Which subagent; a copy of yourself when absent.
    agent: Option<String>,
    /// The directory that it works in; yours when absent.
    cwd: Option<String>,
}

#[async_trait]
impl Tool for TaskTool {
    type Args = TaskArgs;
    const NAME: &'static str = TASK;
    const DESCRIPTION: &'static str = "Hand a task to a subagent and wait for its answer. It works on the same files, with a \
        conversation of its own, and answers once. Tasks of one turn run at the same time.";

    async fn call(&self, args: TaskArgs, cx: ToolContext) -> Result<ToolOutput> {
        let (Some(run), Some(id)) = (cx.run.clone(), cx.task_id.clone()) else {
            return Err(Error::new(ErrorKind::Unsupported, TASK, "tasks are handed out by agents only"));
        };
        let task = Task { text: args.prompt, agent: args.agent, cwd: args.cwd };
        let (session, link) = task.open(&run, id).await?;
        let reply = Prompt::of_task(&session, link, task.text).cancel(cx.cancel().clone()).await?;
        let text = if reply.text.is_empty() { "(task completed with no text)".to_owned() } else { reply.text };
        Ok(ToolOutput::text(text))
    }
}
