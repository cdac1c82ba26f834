//! `rm`.

use std::path::{Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, async_trait};

use super::super::files::{reason, resolve};
use super::super::options::{LONG, Opt, flag, optional, parse, usage_error};
use super::{Answers, MAX_FILES, Report, base_name, join};

/// The `rm` command.
pub(in super::super) struct Rm;

const OPTIONS: &[Opt] = &[
    flag('d', "dir"),
    flag('f', "force"),
    flag('i', "-i"),
    flag('I', "-I"),
    optional(LONG, "interactive"),
    flag(LONG, "no-preserve-root"),
    optional(LONG, "preserve-root"),
    flag(LONG, "one-file-system"),
    flag('r', "recursive"),
    flag('R', "-R"),
    flag('v', "verbose"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[derive(Default)]
struct Config {
    recursive: bool,
    force: bool,
    empty_directories: bool,
    ask: bool,
    verbose: bool,
    root_too: bool,
}

#[async_trait]
impl Builtin for Rm {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("rm", &message, 1)),
        };
        let mut config = Config::default();
        for (name, text) in parsed.options {
            match (name, text.as_deref()) {
                ("force", _) => (config.force, config.ask) = (true, false),
                ("-i", _) | ("interactive", None | Some("always")) => {
                    (config.force, config.ask) = (false, true);
                }
                ("recursive" | "-R", _) => config.recursive = true,
                ("dir", _) => config.empty_directories = true,
                ("verbose", _) => config.verbose = true,
                ("no-preserve-root", _) => config.root_too = true,
                _ => {}
            }
        }
        if parsed.operands.is_empty() && !config.force {
            return Ok(usage_error("rm", "missing operand", 1));
        }
        let mut remover = Remover { answers: Answers::of(&ctx), ctx: &ctx, config, report: Report::new("rm") };
        for operand in &parsed.operands {
            remover.operand(operand).await;
        }
        Ok(remover.report.into_result())
    }
}

struct Remover<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: Config,
    answers: Answers,
    report: Report,
}

/// A file on its way out: directories come back once they are empty.
struct Step {
    name: String,
    path: PathBuf,
    emptied: bool,
}

impl Remover<'_, '_> {
    async fn operand(&mut self, name: &str) {
        let path = resolve(self.ctx.cwd, name);
        if matches!(base_name(name), "." | "..") {
            let message = format!("refusing to remove '.' or '..' directory: skipping '{name}'");
            return self.report.fail(&message);
        }
        if path == Path::new("/") && self.config.recursive && !self.config.root_too {
            self.report.fail("it is dangerous to operate recursively on '/'");
            return self.report.fail("use --no-preserve-root to override this failsafe");
        }
        let meta = match self.ctx.fs.lstat(&path).await {
            Ok(meta) => meta,
            Err(error) => {
                let missing = reason(&error) == "No such file or directory";
                if !(self.config.force && missing) {
                    let why = reason(&error);
                    self.report.fail(&format!("cannot remove '{name}': {why}"));
                }
                return;
            }
        };
        if meta.file_type != FileType::Directory {
            return self.file(name, &path).await;
        }
        if !self.config.recursive && !self.config.empty_directories {
            return self.report.fail(&format!("cannot remove '{name}': Is a directory"));
        }
        self.tree(name.trim_end_matches('/'), path).await;
    }

    async fn file(&mut self, name: &str, path: &Path) {
        if self.config.ask {
            let question = format!("remove regular file '{name}'");
            if !self.answers.yes(&question, &mut self.report) {
                return;
            }
        }
        self.remove(name, path, "removed").await;
    }

    async fn tree(&mut self, name: &str, path: PathBuf) {
        let plain = !self.config.verbose && !self.config.ask;
        if plain && self.config.recursive && self.ctx.fs.remove(&path, true).await.is_ok() {
            return;
        }
        let mut todo = vec![Step { name: name.to_string(), path, emptied: false }];
        let mut seen = 0;
        while let Some(step) = todo.pop() {
            seen += 1;
            if seen > MAX_FILES {
                return self.report.fail("too many files to remove");
            }
            if step.emptied || !self.config.recursive {
                self.remove(&step.name, &step.path, "removed directory").await;
                continue;
            }
            let inside = match self.ctx.fs.read_dir(&step.path).await {
                Ok(inside) => inside,
                Err(error) => {
                    let why = reason(&error);
                    self.report.fail(&format!("cannot remove '{}': {why}", step.name));
                    continue;
                }
            };
            let (name, path) = (step.name, step.path);
            todo.push(Step { name: name.clone(), path: path.clone(), emptied: true });
            for entry in inside {
                let (name, path) = (join(&name, &entry.name), path.join(&entry.name));
                if entry.metadata.file_type == FileType::Directory {
                    todo.push(Step { name, path, emptied: false });
                } else {
                    self.file(&name, &path).await;
                }
            }
        }
    }

    async fn remove(&mut self, name: &str, path: &Path, done: &str) {
        match self.ctx.fs.remove(path, false).await {
            Ok(()) if self.config.verbose => self.report.say(&format!("{done} '{name}'")),
            Ok(()) => {}
            Err(error) => {
                let why = reason(&error);
                self.report.fail(&format!("cannot remove '{name}': {why}"));
            }
        }
    }
}
