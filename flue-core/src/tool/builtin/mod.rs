//! The tools that every agent has: files, commands and search over whatever sandbox it works in.

mod bash;
mod edit;
mod glob;
mod grep;
mod page;
mod read;
mod write;

use std::sync::Arc;

use self::bash::Bash;
use self::edit::Edit;
use self::glob::Glob;
use self::grep::Grep;
use self::read::Read;
use self::write::Write;
use super::{DynTool, Tool, ToolContext};
use crate::Capabilities;

/// The names of the built-in tools, in the order in which the model sees them.
pub const BUILTIN_TOOLS: [&str; 6] = [Read::NAME, Write::NAME, Edit::NAME, Bash::NAME, Grep::NAME, Glob::NAME];

/// The built-in tools that a sandbox of these capabilities can serve.
pub(crate) fn available(capabilities: &Capabilities) -> Vec<(&'static str, Arc<dyn DynTool>)> {
    let all: [Arc<dyn DynTool>; 6] =
        [Arc::new(Read), Arc::new(Write), Arc::new(Edit), Arc::new(Bash), Arc::new(Grep), Arc::new(Glob)];
    let can = |name: &str| match name {
        Bash::NAME => capabilities.exec,
        Write::NAME | Edit::NAME => capabilities.write,
        _ => true,
    };
    BUILTIN_TOOLS.into_iter().zip(all).filter(|(name, _)| can(name)).collect()
}

/// The size of a file, as far as it can be told; why it cannot is left to whoever opens it.
async fn file_len(cx: &ToolContext, path: &str) -> Option<u64> {
    cx.fs().metadata(path).await.ok()?.len
}
