//! Tools: what a model may call.

pub(crate) mod arguments;
pub(crate) mod builtin;
mod context;
mod locks;
#[cfg(feature = "json-schema")]
mod raw;
mod registry;
mod skill;
mod task;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use self::builtin::BUILTIN_TOOLS;
pub use self::context::ToolContext;
pub(crate) use self::locks::{PathLocks, Ticket};
#[cfg(feature = "json-schema")]
pub use self::raw::RawTool;
#[cfg(feature = "json-schema")]
pub(crate) use self::raw::SchemaCheck;
pub(crate) use self::registry::Registry;
pub(crate) use self::skill::{ACTIVATE_SKILL, skill_tool};
pub(crate) use self::task::{TASK, task_tool};
use crate::model::{ToolSpec, UserBlock};
use crate::{Result, SandboxPath};

/// A tool with typed arguments. The schema that the model sees is made from [`Tool::Args`], doc comments included.
#[async_trait]
pub trait Tool: Send + Sync + 'static {
    /// The arguments.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;

    /// The name that the model calls: letters, digits, `_` and `-`, at most 64.
    const NAME: &'static str;

    /// What it does and when to use it.
    const DESCRIPTION: &'static str;

    /// The file that this call replaces, if it does that. Calls that replace the same file run one after the other, in the
    /// order in which the model made them.
    fn replaces(&self, _args: &Self::Args, _cx: &ToolContext) -> Result<Option<SandboxPath>> {
        Ok(None)
    }

    /// Runs the call. An error goes to the model as the call's result, text and chain of sources.
    async fn call(&self, args: Self::Args, cx: ToolContext) -> Result<ToolOutput>;
}

/// A call that is ready to run.
#[non_exhaustive]
pub struct PreparedCall {
    /// The file that it replaces; see [`Tool::replaces`].
    pub replaces: Option<SandboxPath>,
    /// The run.
    pub run: Pin<Box<dyn Future<Output = Result<ToolOutput>> + Send>>,
}

impl PreparedCall {
    /// A call that does its work in `run`.
    pub fn new(run: impl Future<Output = Result<ToolOutput>> + Send + 'static) -> Self {
        Self { replaces: None, run: Box::pin(run) }
    }

    /// Says which file the call replaces; see [`Tool::replaces`].
    #[must_use]
    pub fn replacing(mut self, path: SandboxPath) -> Self {
        self.replaces = Some(path);
        self
    }
}

/// A tool of any kind. Every [`Tool`] is one; a tool whose schema is known only at run time implements it directly.
pub trait DynTool: Send + Sync + 'static {
    /// What the model sees. Asked once, when the tool is given to an agent.
    fn spec(&self) -> ToolSpec;

    /// Checks the arguments, the text of a JSON object, and makes the call ready. Nothing runs yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for arguments that the tool does not take; the model
    /// reads the text.
    fn prepare(self: Arc<Self>, arguments: &str, cx: ToolContext) -> Result<PreparedCall>;
}

impl<T: Tool> DynTool for T {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: T::NAME.to_owned(),
            description: T::DESCRIPTION.to_owned(),
            parameters: arguments::object_schema_of::<T::Args>(),
        }
    }

    fn prepare(self: Arc<Self>, arguments: &str, cx: ToolContext) -> Result<PreparedCall> {
        let args: T::Args = arguments::parse(T::NAME, arguments)?;
        let replaces = self.replaces(&args, &cx)?;
        Ok(PreparedCall { replaces, run: Box::pin(async move { self.call(args, cx).await }) })
    }
}

/// What a tool gives back.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// What the model reads.
    pub content: Vec<UserBlock>,
    /// Whether the model is told that the call failed.
    pub is_error: bool,
}

impl ToolOutput {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![UserBlock::text(text)], is_error: false }
    }

    /// A text that says why the call failed.
    pub fn error(text: impl Into<String>) -> Self {
        Self { is_error: true, ..Self::text(text) }
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}
