//! The shell commands that replace the engine's own, and which of its own stay out.

mod absent;
mod archive;
mod awk;
mod bc;
mod bre;
mod cfloat;
mod clock;
mod cmp;
mod cut;
mod date;
mod diff;
mod du;
mod fileops;
mod files;
mod glob;
mod guard;
mod headtail;
mod identity;
mod jq;
mod ls;
mod options;
mod patch;
mod realpath;
mod rewrite;
mod rounding;
mod seq;
mod sizes;
mod split;
mod stat;
mod streaming;
mod sums;
mod wc;
mod xargs;
mod yes;

pub(crate) use self::absent::keep;
pub(crate) use self::guard::{refuse, refuse_script};
pub(crate) use self::rewrite::rewrite;

use std::sync::Arc;

use bashkit::BashBuilder;

/// What a command that does not come back by itself has to look at.
#[derive(Clone)]
pub(crate) struct Watch {
    ended: Arc<dyn Fn() -> bool + Send + Sync>,
    memory_bytes: usize,
}

impl Watch {
    /// `ended` says whether the execution is to end.
    pub(crate) fn new(ended: impl Fn() -> bool + Send + Sync + 'static, memory_bytes: usize) -> Self {
        Self { ended: Arc::new(ended), memory_bytes }
    }

    fn has_ended(&self) -> bool {
        (self.ended)()
    }
}

/// The names of all commands that a shell without settings has.
pub(crate) fn names() -> Vec<String> {
    let builder = bashkit::Bash::builder().builtin_filter(keep);
    let mut names = register(builder, &Watch::new(|| false, 0)).build().builtin_names();
    names.extend(["curl", "wget"].map(str::to_owned));
    names.sort();
    names.dedup();
    names
}

/// Adds our commands to a shell; each overrides the engine's of the same name.
pub(crate) fn register(builder: BashBuilder, watch: &Watch) -> BashBuilder {
    let builder = sums::Sum::all().into_iter().fold(builder, |builder, sum| builder.builtin(sum.name(), Box::new(sum)));
    let builder = awk::NAMES.into_iter().fold(builder, |builder, name| builder.builtin(name, Box::new(awk::Awk)));
    builder
        .builtin("bc", Box::new(bc::Bc))
        .builtin("chmod", Box::new(fileops::Chmod))
        .builtin("cmp", Box::new(cmp::Cmp))
        .builtin("cp", Box::new(fileops::Cp))
        .builtin("date", Box::new(date::Date))
        .builtin("diff", Box::new(diff::Diff))
        .builtin("dir", Box::new(ls::Ls::as_dir()))
        .builtin("du", Box::new(du::Du))
        .builtin("ln", Box::new(fileops::Ln))
        .builtin("ls", Box::new(ls::Ls::default()))
        .builtin("mkdir", Box::new(fileops::Mkdir))
        .builtin("mv", Box::new(fileops::Mv))
        .builtin("patch", Box::new(patch::Patch))
        .builtin("realpath", Box::new(realpath::Realpath))
        .builtin("rm", Box::new(fileops::Rm))
        .builtin("rmdir", Box::new(fileops::Rmdir))
        .builtin("stat", Box::new(stat::Stat))
        .builtin("touch", Box::new(fileops::Touch))
        .builtin("vdir", Box::new(ls::Ls::as_vdir()))
        .builtin("xargs", Box::new(xargs::Xargs::default()))
        .builtin("unzip", Box::new(archive::Unzip))
        .builtin("zip", Box::new(archive::Zip))
        .command("cut", cut::Cut)
        .command("gunzip", archive::Gzip)
        .command("gzip", archive::Gzip)
        .command("jq", jq::Jq(watch.clone()))
        .command("tar", archive::Tar)
        .command("zcat", archive::Gzip)
        .builtin("split", Box::new(split::Split))
        .command("head", headtail::Head)
        .command("seq", seq::Seq)
        .command("tail", headtail::Tail)
        .command("wc", wc::Wc)
        .command("yes", yes::Yes)
}
