//! `grep`: lines by regular expression.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Result;
use crate::search::{GrepHits, GrepQuery};
use crate::tool::{Tool, ToolContext, ToolOutput};

/// The most matches of one call.
const MAX_MATCHES: usize = 100;

/// Finds lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grep;

/// Arguments of [`Grep`].
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GrepArgs {
    /// The regular expression, or the text with `literal`.
    pattern: String,
    /// The file or directory to look in; the working directory when absent.
    path: Option<String>,
    /// A glob that files must match, such as `*.rs` or `src/**/*.ts`.
    include: Option<String>,
    /// Take the pattern as plain text.
    #[serde(default)]
    literal: bool,
}

#[async_trait]
impl Tool for Grep {
    type Args = GrepArgs;
    const NAME: &'static str = "grep";
    const DESCRIPTION: &'static str = "Find lines that match a regular expression (Rust regex syntax: Perl-like, no \
        look-around or back-references). Searches hidden files too and passes over binary ones. Shows the first 100 \
        matches as path:line:text, long lines cut at 500 characters.";

    async fn call(&self, args: GrepArgs, cx: ToolContext) -> Result<ToolOutput> {
        let path = cx.resolve(args.path.as_deref().unwrap_or("."))?;
        let query = GrepQuery::new(args.pattern, path, MAX_MATCHES).literal(args.literal).with_include(args.include);
        let hits = cx.sandbox().grep(query).await?;
        Ok(ToolOutput::text(render(&hits, &cx)))
    }
}

fn render(hits: &GrepHits, cx: &ToolContext) -> String {
    let mut text = String::new();
    for hit in &hits.matches {
        let end = if hit.cut { "..." } else { "" };
        text.push_str(&format!("{}:{}:{}{end}\n", cx.display(&hit.path), hit.line, hit.text));
    }
    text.pop();
    if hits.matches.is_empty() {
        text.push_str("No matches found.");
    }
    let shown = hits.matches.len();
    if hits.total > shown as u64 {
        text.push_str(&format!("\n\n[Showing {shown} of {} matches. Narrow your search.]", hits.total));
    }
    if hits.skipped > 0 {
        text.push_str(&format!("\n\n[{} binary, very large or unreadable files were not searched.]", hits.skipped));
    }
    if hits.incomplete {
        text.push_str("\n\n[The tree is too large or too deep to search whole. Name a narrower path.]");
    }
    text
}
