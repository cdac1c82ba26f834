//! `mv`.

use std::path::{Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, Error, ExecResult, async_trait};

use super::super::files::{reason, resolve};
use super::super::options::{LONG, Opt, flag, optional, parse, usage_error, value};
use super::target::Targets;
use super::{Answers, Report, base_name, cp, join};

/// The `mv` command.
pub(in super::super) struct Mv;

const OPTIONS: &[Opt] = &[
    optional(LONG, "backup"),
    flag('b', "-b"),
    flag('f', "force"),
    flag('i', "interactive"),
    flag('n', "no-clobber"),
    flag(LONG, "strip-trailing-slashes"),
    value('S', "suffix"),
    value('t', "target-directory"),
    flag('T', "no-target-directory"),
    flag('u', "update"),
    flag('v', "verbose"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[derive(Default)]
struct Config {
    keep: bool,
    ask: bool,
    update: bool,
    verbose: bool,
    backup: Option<String>,
}

#[async_trait]
impl Builtin for Mv {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("mv", &message, 1)),
        };
        let mut config = Config::default();
        let mut suffix = "~".to_string();
        let mut targets = Targets { operands: parsed.operands, ..Targets::default() };
        for (name, text) in parsed.options {
            match name {
                // The last of these three counts.
                "force" => (config.keep, config.ask) = (false, false),
                "interactive" => (config.keep, config.ask) = (false, true),
                "no-clobber" => (config.keep, config.ask) = (true, false),
                "update" => config.update = true,
                "verbose" => config.verbose = true,
                "-b" | "backup" => config.backup = Some(String::new()),
                "suffix" => suffix = text.unwrap_or_default(),
                "target-directory" => targets.directory = text,
                "no-target-directory" => targets.exact = true,
                _ => {}
            }
        }
        config.backup = config.backup.map(|_| suffix);
        let mut mover = Mover { answers: Answers::of(&ctx), ctx: &ctx, config, report: Report::new("mv") };
        match targets.pairs(&ctx).await {
            Ok(pairs) => {
                for (source, destination) in pairs {
                    mover.operand(&source, &destination).await;
                }
            }
            Err(message) if message.starts_with("missing") => {
                return Ok(usage_error("mv", &message, 1));
            }
            Err(message) => mover.report.fail(&message),
        }
        Ok(mover.report.into_result())
    }
}

struct Mover<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: Config,
    answers: Answers,
    report: Report,
}

impl Mover<'_, '_> {
    async fn operand(&mut self, source: &str, destination: &str) {
        let (from, to) = (resolve(self.ctx.cwd, source), resolve(self.ctx.cwd, destination));
        match self.rename(source, &from, destination, &to).await {
            Ok(true) if self.config.verbose => {
                self.report.say(&format!("renamed '{source}' -> '{destination}'"));
            }
            Ok(_) => {}
            Err(message) => self.report.fail(&message),
        }
    }

    /// Whether the file was moved; a message if it could not be.
    async fn rename(&mut self, source: &str, from: &PathBuf, destination: &str, to: &PathBuf) -> Result<bool, String> {
        let fs = &*self.ctx.fs;
        let meta = match fs.lstat(from).await {
            Ok(meta) => meta,
            Err(error) => return Err(format!("cannot stat '{source}': {}", reason(&error))),
        };
        let is_dir = meta.file_type.is_dir();
        if is_dir && to.starts_with(from) {
            // Moved onto itself, a directory would go into itself.
            let below = if to == from { join(destination, base_name(source)) } else { destination.to_string() };
            return Err(format!("cannot move '{source}' to a subdirectory of itself, '{below}'"));
        }
        if to == from {
            return Err(format!("'{source}' and '{destination}' are the same file"));
        }
        if let Ok(there) = fs.lstat(to).await {
            if self.config.keep || (self.config.update && meta.modified <= there.modified) {
                return Ok(false);
            }
            match (is_dir, there.file_type.is_dir()) {
                (true, false) => {
                    return Err(format!("cannot overwrite non-directory '{destination}' with directory '{source}'"));
                }
                (false, true) => {
                    return Err(format!("cannot overwrite directory '{destination}' with non-directory"));
                }
                (true, true) if !fs.read_dir(to).await.is_ok_and(|inside| inside.is_empty()) => {
                    return Err(format!("cannot move '{source}' to '{destination}': Directory not empty"));
                }
                _ => {}
            }
            if self.config.ask {
                let question = format!("overwrite '{destination}'");
                if !self.answers.yes(&question, &mut self.report) {
                    return Ok(false);
                }
            }
            if let Some(suffix) = &self.config.backup {
                let mut backup = to.clone().into_os_string();
                backup.push(suffix);
                let _ = fs.rename(to, Path::new(&backup)).await;
            } else if is_dir {
                // Only an empty directory gets here.
                let _ = fs.remove(to, false).await;
            }
        }
        match fs.rename(from, to).await {
            Ok(()) => Ok(true),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::CrossesDevices => {
                cp::archive(fs, from, to).await?;
                fs.remove(from, is_dir)
                    .await
                    .map(|()| true)
                    .map_err(|error| format!("cannot remove '{source}': {}", reason(&error)))
            }
            Err(error) => Err(format!("cannot move '{source}' to '{destination}': {}", reason(&error))),
        }
    }
}
