//! The shell commands that replace the engine's own, and which of its own stay out.

mod archive;
mod bc;
mod clock;
mod date;
mod diff;
mod files;
mod glob;
mod identity;
mod ls;
mod headtail;
mod jq;
mod options;
mod patch;
mod seq;
mod split;
mod xargs;
mod yes;

use bashkit::BashBuilder;

/// Adds our commands to a shell; each overrides the engine's of the same name.
pub(crate) fn register(builder: BashBuilder) -> BashBuilder {
    builder
        .builtin("date", Box::new(date::Date))
        .builtin("diff", Box::new(diff::Diff))
        .builtin("dir", Box::new(ls::Ls))
        .builtin("ls", Box::new(ls::Ls))
        .builtin("patch", Box::new(patch::Patch))
}

pub(crate) fn keep(_: &str) -> bool {
    true
}
pub(crate) fn refuse(_: &str, _: &[String]) -> Option<String> {
    None
}
pub(crate) fn rewrite(_: &str, _: &[String]) -> Option<Vec<String>> {
    None
}
