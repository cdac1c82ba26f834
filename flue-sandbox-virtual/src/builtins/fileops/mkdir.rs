//! `mkdir` and `rmdir`.

use std::path::Path;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use super::super::files::{reason, resolve};
use super::super::options::{LONG, Opt, flag, optional, parse, usage_error, value};
use super::Report;
use super::mode::{Mode, umask};

/// The `mkdir` command.
pub(in super::super) struct Mkdir;

const MKDIR_OPTIONS: &[Opt] = &[
    value('m', "mode"),
    flag('p', "parents"),
    flag('v', "verbose"),
    flag('Z', "-Z"),
    optional(LONG, "context"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[async_trait]
impl Builtin for Mkdir {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(MKDIR_OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("mkdir", &message, 1)),
        };
        let (mut parents, mut verbose, mut mode) = (false, false, None);
        for (name, text) in parsed.options {
            match name {
                "parents" => parents = true,
                "verbose" => verbose = true,
                "mode" => {
                    let text = text.unwrap_or_default();
                    match Mode::parse(&text) {
                        Some(parsed) => mode = Some(parsed),
                        None => {
                            let message = format!("mkdir: invalid mode ‘{text}’\n");
                            return Ok(ExecResult::err(message, 1));
                        }
                    }
                }
                _ => {}
            }
        }
        if parsed.operands.is_empty() {
            return Ok(usage_error("mkdir", "missing operand", 1));
        }
        let umask = umask(ctx.variables);
        let mode = mode.map(|mode| mode.apply(0o777, false, umask));
        let mut report = Report::new("mkdir");
        for operand in &parsed.operands {
            let names = if parents { ancestors(operand) } else { vec![operand.as_str()] };
            for name in &names {
                let path = resolve(ctx.cwd, name);
                let last = name == operand;
                let there = ctx.fs.stat(&path).await;
                if parents && there.as_ref().is_ok_and(|meta| meta.file_type.is_dir()) {
                    continue;
                }
                let made = match there {
                    Ok(_) if !last => Err("Not a directory".to_string()),
                    _ => make(&ctx, &path).await,
                };
                if let Err(why) = made {
                    report.fail(&format!("cannot create directory ‘{operand}’: {why}"));
                    break;
                }
                let wanted = match mode {
                    Some(mode) if last => Some(mode),
                    _ => Some(0o777 & !umask),
                };
                if let Some(mode) = wanted {
                    // A file system without modes still has the directory.
                    let _ = ctx.fs.chmod(&path, mode).await;
                }
                if verbose {
                    report.say(&format!("mkdir: created directory '{name}'"));
                }
            }
        }
        Ok(report.into_result())
    }
}

async fn make(ctx: &BuiltinContext<'_>, path: &Path) -> Result<(), String> {
    if ctx.fs.lstat(path).await.is_ok() {
        return Err("File exists".into());
    }
    if let Some(parent) = path.parent() {
        match ctx.fs.stat(parent).await {
            Ok(meta) if !meta.file_type.is_dir() => return Err("Not a directory".into()),
            Ok(_) => {}
            Err(error) => return Err(reason(&error)),
        }
    }
    ctx.fs.mkdir(path, false).await.map_err(|error| reason(&error))
}

/// `a/b/c` as `a`, `a/b`, `a/b/c`.
fn ancestors(name: &str) -> Vec<&str> {
    let ends = name.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    let mut names: Vec<&str> = ends.map(|at| &name[..at]).collect();
    names.retain(|name| !name.ends_with('/'));
    if name.ends_with('/') && names.len() > 1 {
        names.pop();
    }
    names.push(name);
    names
}

/// The `rmdir` command.
pub(in super::super) struct Rmdir;

const RMDIR_OPTIONS: &[Opt] = &[
    flag('p', "parents"),
    flag('v', "verbose"),
    flag(LONG, "ignore-fail-on-non-empty"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[async_trait]
impl Builtin for Rmdir {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(RMDIR_OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("rmdir", &message, 1)),
        };
        let given = |name: &str| parsed.options.iter().any(|(option, _)| *option == name);
        if parsed.operands.is_empty() {
            return Ok(usage_error("rmdir", "missing operand", 1));
        }
        let mut report = Report::new("rmdir");
        for operand in &parsed.operands {
            let names = if given("parents") { ancestors(operand) } else { vec![operand.as_str()] };
            for name in names.into_iter().rev() {
                if given("verbose") {
                    report.say(&format!("rmdir: removing directory, '{name}'"));
                }
                let path = resolve(ctx.cwd, name);
                let (why, full) = match ctx.fs.lstat(&path).await {
                    Err(error) => (reason(&error), false),
                    Ok(meta) if !meta.file_type.is_dir() => ("Not a directory".into(), false),
                    Ok(_) => match ctx.fs.read_dir(&path).await {
                        Ok(inside) if !inside.is_empty() => ("Directory not empty".into(), true),
                        _ => match ctx.fs.remove(&path, false).await {
                            Ok(()) => continue,
                            Err(error) => (reason(&error), false),
                        },
                    },
                };
                if !(full && given("ignore-fail-on-non-empty")) {
                    report.fail(&format!("failed to remove '{name}': {why}"));
                }
                break;
            }
        }
        Ok(report.into_result())
    }
}
