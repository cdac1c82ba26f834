//! Where the operands of `cp`, `mv` and `ln` go.

use bashkit::BuiltinContext;

use super::super::files::{reason, resolve};
use super::{base_name, join};

/// Operands and the options that say what the last of them is.
#[derive(Default)]
pub(super) struct Targets {
    pub(super) operands: Vec<String>,
    /// `-t DIRECTORY`.
    pub(super) directory: Option<String>,
    /// `-T`: the last operand is never a directory to put things in.
    pub(super) exact: bool,
    /// `--parents`: the source's whole path goes below the directory.
    pub(super) parents: bool,
    /// `-n` of `ln`: a link to a directory is no directory.
    pub(super) links_are_files: bool,
}

impl Targets {
    /// Pairs of source and destination names, or why there are none.
    pub(super) async fn pairs(self, ctx: &BuiltinContext<'_>) -> Result<Vec<(String, String)>, String> {
        let Targets { mut operands, directory, exact, parents, links_are_files } = self;
        if operands.is_empty() {
            return Err("missing file operand".into());
        }
        let given = directory.is_some();
        let target = match directory {
            Some(directory) => directory,
            None => {
                let last = operands.pop().unwrap_or_default();
                if operands.is_empty() {
                    return Err(format!("missing destination file operand after '{last}'"));
                }
                last
            }
        };
        let path = resolve(ctx.cwd, &target);
        let meta = if links_are_files && !target.ends_with('/') {
            ctx.fs.lstat(&path).await
        } else {
            ctx.fs.stat(&path).await
        };
        let is_directory = meta.as_ref().is_ok_and(|meta| meta.file_type.is_dir());
        if exact {
            if let [_, extra, ..] = operands.as_slice() {
                return Err(format!("extra operand '{extra}'"));
            }
        } else if !is_directory && (given || operands.len() > 1) {
            let why = match meta {
                Err(error) => reason(&error),
                Ok(_) => "Not a directory".into(),
            };
            return Err(format!("target '{target}': {why}"));
        }
        let into = |source: String| {
            let destination = if !is_directory || exact {
                target.clone()
            } else if parents {
                join(&target, source.trim_start_matches('/'))
            } else {
                join(&target, base_name(&source))
            };
            (source, destination)
        };
        Ok(operands.into_iter().map(into).collect())
    }
}
