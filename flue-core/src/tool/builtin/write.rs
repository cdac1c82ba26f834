//! `write`: a whole file.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tool::{Tool, ToolContext, ToolOutput};
use crate::{Result, SandboxPath};

/// Writes a whole file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write;

/// Arguments of [`Write`].
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct WriteArgs {
    /// The file, absolute or relative to the working directory.
    path: String,
    /// All of its new content.
    content: String,
}

#[async_trait]
impl Tool for Write {
    type Args = WriteArgs;
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str =
        "Write a file, replacing what it held. Missing directories are made. To change a part of a file, use edit.";

    fn replaces(&self, args: &WriteArgs, cx: &ToolContext) -> Result<Option<SandboxPath>> {
        cx.resolve(&args.path).map(Some)
    }

    async fn call(&self, args: WriteArgs, cx: ToolContext) -> Result<ToolOutput> {
        let bytes = args.content.len();
        cx.fs().write(&args.path, args.content).await?;
        Ok(ToolOutput::text(format!("Successfully wrote {bytes} bytes to {}", args.path)))
    }
}
