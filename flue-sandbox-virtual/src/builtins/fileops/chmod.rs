//! `chmod`.

use std::path::PathBuf;

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, async_trait};

use super::super::files::{reason, resolve};
use super::super::ls::entry::mode_text;
use super::super::options::{LONG, Opt, flag, parse, usage_error, value};
use super::mode::{Mode, umask};
use super::{MAX_FILES, Report, join};

/// The `chmod` command.
pub(in super::super) struct Chmod;

const OPTIONS: &[Opt] = &[
    flag('c', "changes"),
    flag('f', "silent"),
    flag(LONG, "quiet"),
    flag('v', "verbose"),
    flag(LONG, "no-preserve-root"),
    flag(LONG, "preserve-root"),
    value(LONG, "reference"),
    flag('R', "recursive"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[derive(Default)]
struct Config {
    recursive: bool,
    silent: bool,
    verbose: bool,
    changes: bool,
}

#[async_trait]
impl Builtin for Chmod {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let (mode_arg, args) = split_mode(ctx.args);
        let parsed = match parse(OPTIONS, &args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("chmod", &message, 1)),
        };
        let mut config = Config::default();
        let mut reference = None;
        for (name, text) in parsed.options {
            match name {
                "changes" => config.changes = true,
                "silent" | "quiet" => config.silent = true,
                "verbose" => config.verbose = true,
                "recursive" => config.recursive = true,
                "reference" => reference = text,
                _ => {}
            }
        }
        let mut operands = parsed.operands.into_iter();
        let mode = if let Some(name) = reference {
            match ctx.fs.stat(&resolve(ctx.cwd, &name)).await {
                Ok(meta) => Mode::Octal(meta.mode & 0o7777),
                Err(error) => {
                    let mut report = Report::new("chmod");
                    let why = reason(&error);
                    report.fail(&format!("failed to get attributes of '{name}': {why}"));
                    return Ok(report.into_result());
                }
            }
        } else {
            let Some(text) = mode_arg.or_else(|| operands.next()) else {
                return Ok(usage_error("chmod", "missing operand", 1));
            };
            if operands.len() == 0 {
                let message = format!("missing operand after ‘{text}’");
                return Ok(usage_error("chmod", &message, 1));
            }
            match Mode::parse(&text) {
                Some(mode) => mode,
                None => {
                    let message = format!("invalid mode: ‘{text}’");
                    return Ok(usage_error("chmod", &message, 1));
                }
            }
        };
        let mut changer =
            Changer { umask: umask(ctx.variables), ctx: &ctx, config, mode, report: Report::new("chmod") };
        for operand in operands {
            changer.operand(operand).await;
        }
        Ok(changer.report.into_result())
    }
}

/// `chmod -x f`: a mode that looks like an option.
fn split_mode(args: &[String]) -> (Option<String>, Vec<String>) {
    let is_mode = |arg: &String| {
        arg.strip_prefix('-').is_some_and(|rest| rest.starts_with(['r', 'w', 'x', 'X', 's', 't', 'u', 'g', 'o']))
    };
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    match args[..end].iter().position(is_mode) {
        Some(at) => {
            let mut rest = args.to_vec();
            (Some(rest.remove(at)), rest)
        }
        None => (None, args.to_vec()),
    }
}

struct Changer<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: Config,
    mode: Mode,
    umask: u32,
    report: Report,
}

impl Changer<'_, '_> {
    async fn operand(&mut self, name: String) {
        let path = resolve(self.ctx.cwd, &name);
        let mut todo: Vec<(String, PathBuf)> = vec![(name, path)];
        let (mut first, mut seen) = (true, 0);
        while let Some((name, path)) = todo.pop() {
            seen += 1;
            if seen > MAX_FILES {
                return self.report.fail("too many files to change");
            }
            let fs = &self.ctx.fs;
            // Links met on the way are left alone; one named is followed.
            let meta = if first { fs.stat(&path).await } else { fs.lstat(&path).await };
            first = false;
            let meta = match meta {
                Ok(meta) if meta.file_type == FileType::Symlink => continue,
                Ok(meta) => meta,
                Err(error) => {
                    self.complain(&format!("cannot access '{name}': {}", reason(&error)));
                    continue;
                }
            };
            let is_dir = meta.file_type.is_dir();
            let before = meta.mode & 0o7777;
            let after = self.mode.apply(before, is_dir, self.umask);
            if let Err(error) = fs.chmod(&path, after).await {
                let why = reason(&error);
                self.complain(&format!("changing permissions of '{name}': {why}"));
                continue;
            }
            self.tell(&name, before, after);
            if is_dir && self.config.recursive {
                match fs.read_dir(&path).await {
                    Ok(inside) => todo.extend(
                        inside.into_iter().rev().map(|entry| (join(&name, &entry.name), path.join(&entry.name))),
                    ),
                    Err(error) => {
                        self.complain(&format!("cannot read directory '{name}': {}", reason(&error)));
                    }
                }
            }
        }
    }

    fn tell(&mut self, name: &str, before: u32, after: u32) {
        let text = |mode: u32| {
            let letters = mode_text(FileType::File, mode);
            format!("{mode:04o} ({})", &letters[1..])
        };
        if before != after && (self.config.verbose || self.config.changes) {
            self.report.say(&format!("mode of '{name}' changed from {} to {}", text(before), text(after)));
        } else if self.config.verbose {
            self.report.say(&format!("mode of '{name}' retained as {}", text(after)));
        }
    }

    fn complain(&mut self, message: &str) {
        if self.config.silent {
            self.report.status = 1;
        } else {
            self.report.fail(message);
        }
    }
}
