//! `glob`: files by name.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Result;
use crate::search::{GlobHits, GlobQuery};
use crate::tool::{Tool, ToolContext, ToolOutput};

/// The most paths of one call.
const MAX_PATHS: usize = 1000;

/// Finds files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glob;

/// Arguments of [`Glob`].
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GlobArgs {
    /// The glob.
    pattern: String,
    /// The directory to look in; the working directory when absent.
    path: Option<String>,
}

#[async_trait]
impl Tool for Glob {
    type Args = GlobArgs;
    const NAME: &'static str = "glob";
    const DESCRIPTION: &'static str = "Find files by glob: * and ? stay within a name, ** crosses directories, [..] and \
        {a,b} choose. A pattern without / (such as *.rs) matches file names at any depth; one with / (such as \
        src/**/*.rs) matches the path below the directory. Shows the first 1000 files, sorted.";

    async fn call(&self, args: GlobArgs, cx: ToolContext) -> Result<ToolOutput> {
        let path = cx.resolve(args.path.as_deref().unwrap_or("."))?;
        let hits = cx.sandbox().glob(GlobQuery::new(args.pattern, path, MAX_PATHS)).await?;
        Ok(ToolOutput::text(render(&hits, &cx)))
    }
}

fn render(hits: &GlobHits, cx: &ToolContext) -> String {
    let paths: Vec<&str> = hits.paths.iter().map(|path| cx.display(path)).collect();
    let mut text = if paths.is_empty() { "No files found matching pattern.".to_owned() } else { paths.join("\n") };
    if hits.total > paths.len() as u64 {
        text.push_str(&format!("\n\n[Showing {} of {} files. Narrow your pattern.]", paths.len(), hits.total));
    }
    if hits.incomplete {
        text.push_str("\n\n[The tree is too large or too deep to search whole. Name a narrower path.]");
    }
    text
}
