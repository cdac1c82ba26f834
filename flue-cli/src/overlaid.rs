//! What an overlay changed, and what becomes of it in the end.

#[cfg(all(feature = "local", unix))]
mod ask;
#[cfg(all(feature = "local", unix))]
mod settle;
#[cfg(all(feature = "local", unix))]
mod show;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

#[cfg(all(feature = "local", unix))]
pub(crate) use self::settle::Overlaid;

/// What is to become of changes, as the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct FateArgs {
    /// Show them, and ask [default with local:overlay]
    #[arg(long, conflicts_with_all = ["apply", "discard"])]
    pub(crate) review: bool,
    /// Apply them, if all went well
    #[arg(long, conflicts_with = "discard")]
    pub(crate) apply: bool,
    /// Write them as a patch for git
    #[arg(long, value_name = "FILE", conflicts_with = "discard")]
    pub(crate) patch: Option<PathBuf>,
    /// Forget them
    #[arg(long)]
    pub(crate) discard: bool,
}

impl FateArgs {
    /// Whether anything was said, which only an overlay can do.
    #[cfg(any(feature = "virtual", feature = "remote", all(feature = "local", unix)))]
    pub(crate) fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// How the work ended whose changes are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Well,
    Badly,
    /// The user wants it to be over.
    Interrupted,
}

/// What became of changes, as `--json` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Settled {
    files: Vec<File>,
    /// Files left out because git ignores them or keeps them for itself.
    ignored: u64,
    /// Whether they were applied.
    applied: bool,
    /// The file that has them as a patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

/// One changed file.
#[derive(Debug, Serialize)]
struct File {
    path: String,
    /// `added`, `modified`, `mode`, `deleted` or `renamed`.
    change: &'static str,
    /// What it was called before.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Lines of text that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<u64>,
    /// Lines of text that went.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    /// Whether a patch has it.
    in_patch: bool,
    /// Whether somebody else changed the same meanwhile.
    conflict: bool,
}

/// There are none where there is no local sandbox.
#[cfg(not(all(feature = "local", unix)))]
pub(crate) enum Overlaid {}

#[cfg(not(all(feature = "local", unix)))]
impl Overlaid {
    pub(crate) async fn settle(
        &self,
        _: Ended,
        _: &flue_core::CancellationToken,
        _: &dyn Fn(&str),
    ) -> (Option<Settled>, Option<flue_core::Error>) {
        match *self {}
    }
}
