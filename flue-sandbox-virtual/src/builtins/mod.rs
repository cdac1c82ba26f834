//! The shell commands that replace the engine's own, and which of its own stay out.

mod absent;
mod archive;
mod bc;
mod clock;
mod date;
mod diff;
mod files;
mod glob;
mod guard;
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

pub(crate) use self::absent::keep;
pub(crate) use self::guard::{refuse, refuse_script, rewrite};

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
