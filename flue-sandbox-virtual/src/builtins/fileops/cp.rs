//! `cp`.

use std::path::{Path, PathBuf};

use bashkit::{Builtin, BuiltinContext, ExecResult, FileSystem, FileType, Metadata, async_trait};

use super::super::files::{reason, resolve};
use super::super::options::{LONG, Opt, flag, optional, parse, usage_error, value};
use super::target::Targets;
use super::{Answers, MAX_FILES, Report, base_name, join};

/// The `cp` command.
pub(in super::super) struct Cp;

/// What happens when the destination exists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Overwrite,
    Keep,
    Ask,
    /// Overwrite only what is older.
    Update,
}

/// How a file is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Content,
    /// `-s` and, since there are no hard links, `-l`.
    Link,
}

struct Config {
    recursive: bool,
    follow: bool,
    follow_operands: bool,
    existing: Existing,
    kind: Kind,
    preserve_mode: bool,
    preserve_times: bool,
    verbose: bool,
    backup: Option<String>,
}

const OPTIONS: &[Opt] = &[
    flag('a', "archive"),
    flag(LONG, "attributes-only"),
    optional(LONG, "backup"),
    flag('b', "-b"),
    flag(LONG, "copy-contents"),
    flag('d', "-d"),
    flag('f', "force"),
    flag('H', "-H"),
    flag('i', "interactive"),
    flag('l', "link"),
    flag('L', "dereference"),
    flag('n', "no-clobber"),
    flag('P', "no-dereference"),
    flag('p', "-p"),
    optional(LONG, "preserve"),
    value(LONG, "no-preserve"),
    flag(LONG, "parents"),
    flag('r', "recursive"),
    flag('R', "-R"),
    optional(LONG, "reflink"),
    flag(LONG, "remove-destination"),
    value(LONG, "sparse"),
    flag(LONG, "strip-trailing-slashes"),
    flag('s', "symbolic-link"),
    value('S', "suffix"),
    value('t', "target-directory"),
    flag('T', "no-target-directory"),
    flag('u', "update"),
    flag('v', "verbose"),
    flag('x', "one-file-system"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

#[async_trait]
impl Builtin for Cp {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let (config, targets) = match configure(ctx.args) {
            Ok(read) => read,
            Err(message) => return Ok(usage_error("cp", &message, 1)),
        };
        let parents = targets.parents;
        let mut copy =
            Copy { fs: &*ctx.fs, config: &config, answers: Answers::of(&ctx), report: Report::new("cp"), copied: 0 };
        match targets.pairs(&ctx).await {
            Ok(pairs) => {
                for (source, destination) in pairs {
                    let from = resolve(ctx.cwd, &source);
                    let to = resolve(ctx.cwd, &destination);
                    if parents && let Some(above) = to.parent() {
                        // A failure shows when the file itself is written.
                        let _ = ctx.fs.mkdir(above, true).await;
                    }
                    copy.operand(source, from, destination, to).await;
                }
            }
            Err(message) if message.starts_with("missing") => {
                return Ok(usage_error("cp", &message, 1));
            }
            Err(message) => copy.report.fail(&message),
        }
        Ok(copy.report.into_result())
    }
}

fn configure(args: &[String]) -> Result<(Config, Targets), String> {
    let parsed = parse(OPTIONS, args)?;
    let mut targets = Targets { operands: parsed.operands, ..Targets::default() };
    let mut config = Config {
        recursive: false,
        follow: false,
        follow_operands: false,
        existing: Existing::Overwrite,
        kind: Kind::Content,
        preserve_mode: false,
        preserve_times: false,
        verbose: false,
        backup: None,
    };
    let mut dereference = None;
    let mut suffix = "~".to_string();
    for (name, text) in parsed.options {
        let text = text.unwrap_or_default();
        match name {
            "archive" => {
                config.recursive = true;
                dereference = Some(false);
                (config.preserve_mode, config.preserve_times) = (true, true);
            }
            "recursive" | "-R" => config.recursive = true,
            "dereference" => dereference = Some(true),
            "no-dereference" | "-d" => dereference = Some(false),
            "-H" => config.follow_operands = true,
            "interactive" => config.existing = Existing::Ask,
            "no-clobber" => config.existing = Existing::Keep,
            "update" => config.existing = Existing::Update,
            "link" | "symbolic-link" => config.kind = Kind::Link,
            "-p" => (config.preserve_mode, config.preserve_times) = (true, true),
            "preserve" => {
                let all = text.is_empty() || text.contains("all");
                config.preserve_mode |= all || text.contains("mode");
                config.preserve_times |= all || text.contains("timestamps");
            }
            "no-preserve" => {
                config.preserve_mode &= !(text.contains("mode") || text.contains("all"));
                config.preserve_times &= !(text.contains("timestamps") || text.contains("all"));
            }
            "verbose" => config.verbose = true,
            "-b" | "backup" => config.backup = Some(String::new()),
            "suffix" => suffix = text,
            "parents" => targets.parents = true,
            "target-directory" => targets.directory = Some(text),
            "no-target-directory" => targets.exact = true,
            _ => {}
        }
    }
    config.backup = config.backup.map(|_| suffix);
    // Links are followed unless directories are copied as they are.
    config.follow = dereference.unwrap_or(!config.recursive);
    config.follow_operands |= config.follow;
    Ok((config, targets))
}

struct Copy<'a> {
    fs: &'a dyn FileSystem,
    config: &'a Config,
    answers: Answers,
    report: Report,
    copied: usize,
}

/// One thing to copy, by the names messages show and by path.
struct Step {
    source: String,
    from: PathBuf,
    destination: String,
    to: PathBuf,
    follow: bool,
}

impl Copy<'_> {
    async fn operand(&mut self, source: String, from: PathBuf, destination: String, to: PathBuf) {
        let mut todo = vec![Step { source, from, destination, to, follow: self.config.follow_operands }];
        // A directory's time is set last: copying into it changes it.
        let mut directories = Vec::new();
        while let Some(step) = todo.pop() {
            self.copied += 1;
            if self.copied > MAX_FILES {
                return self.report.fail("too many files to copy");
            }
            let meta = if step.follow { self.fs.stat(&step.from).await } else { self.fs.lstat(&step.from).await };
            let meta = match meta {
                Ok(meta) => meta,
                Err(error) => {
                    let why = reason(&error);
                    self.report.fail(&format!("cannot stat '{}': {why}", step.source));
                    continue;
                }
            };
            if meta.file_type.is_dir() {
                if let Some(inside) = self.directory(&step, &meta).await {
                    todo.extend(inside.into_iter().rev());
                    directories.push((step.to, meta.modified));
                }
            } else {
                self.file(&step, &meta).await;
            }
        }
        if self.config.preserve_times {
            for (path, time) in directories {
                let _ = self.fs.set_modified_time(&path, time).await;
            }
        }
    }

    async fn directory(&mut self, step: &Step, meta: &Metadata) -> Option<Vec<Step>> {
        if !self.config.recursive {
            let message = format!("-r not specified; omitting directory '{}'", step.source);
            self.report.fail(&message);
            return None;
        }
        if step.to.starts_with(&step.from) {
            let (source, destination) = (&step.source, &step.destination);
            let message = format!("cannot copy a directory, '{source}', into itself, '{destination}'");
            self.report.fail(&message);
            return None;
        }
        let made = match self.fs.stat(&step.to).await {
            Ok(there) if there.file_type.is_dir() => Ok(false),
            Ok(_) => {
                Err(format!("cannot overwrite non-directory '{}' with directory '{}'", step.destination, step.source))
            }
            Err(_) => match self.fs.mkdir(&step.to, false).await {
                Ok(()) => Ok(true),
                Err(error) => Err(format!("cannot create directory '{}': {}", step.destination, reason(&error))),
            },
        };
        match made {
            Ok(new) => {
                if new || self.config.preserve_mode {
                    let _ = self.fs.chmod(&step.to, meta.mode & 0o7777).await;
                }
                if new && self.config.verbose {
                    self.tell(step);
                }
            }
            Err(message) => {
                self.report.fail(&message);
                return None;
            }
        }
        let listing = match self.fs.read_dir(&step.from).await {
            Ok(listing) => listing,
            Err(error) => {
                let why = reason(&error);
                self.report.fail(&format!("cannot access '{}': {why}", step.source));
                return None;
            }
        };
        let below = |name: String| Step {
            source: join(&step.source, &name),
            from: step.from.join(&name),
            destination: join(&step.destination, &name),
            to: step.to.join(&name),
            follow: self.config.follow,
        };
        Some(listing.into_iter().map(|entry| below(entry.name)).collect())
    }

    async fn file(&mut self, step: &Step, meta: &Metadata) {
        let there = self.fs.lstat(&step.to).await.ok();
        if let Some(there) = &there
            && !self.may_replace(step, meta, there).await
        {
            return;
        }
        // A dangling link would otherwise be written through.
        if there.as_ref().is_some_and(|there| there.file_type == FileType::Symlink)
            && (meta.file_type == FileType::Symlink || self.fs.stat(&step.to).await.is_err())
        {
            let _ = self.fs.remove(&step.to, false).await;
        }
        let done = match (self.config.kind, meta.file_type) {
            (Kind::Link, _) => {
                if there.is_some() {
                    let _ = self.fs.remove(&step.to, false).await;
                }
                self.fs.symlink(Path::new(&step.source), &step.to).await
            }
            (_, FileType::Symlink) => match self.fs.read_link(&step.from).await {
                Ok(target) => {
                    if there.is_some() {
                        let _ = self.fs.remove(&step.to, false).await;
                    }
                    self.fs.symlink(&target, &step.to).await
                }
                Err(error) => Err(error),
            },
            _ => self.content(step, meta).await,
        };
        match done {
            Ok(()) if self.config.verbose => self.tell(step),
            Ok(()) => {}
            Err(error) => {
                let why = reason(&error);
                let message = format!("cannot create regular file '{}': {why}", step.destination);
                self.report.fail(&message);
            }
        }
    }

    async fn content(&self, step: &Step, meta: &Metadata) -> bashkit::Result<()> {
        let fs = self.fs;
        let before = fs.stat(&step.to).await.ok().map(|meta| meta.mode);
        fs.write_file(&step.to, &fs.read_file(&step.from).await?).await?;
        let mode = match before {
            Some(mode) if !self.config.preserve_mode => mode,
            _ => meta.mode,
        };
        // A file system without modes or times still has the content.
        let _ = fs.chmod(&step.to, mode & 0o7777).await;
        if self.config.preserve_times {
            let _ = fs.set_modified_time(&step.to, meta.modified).await;
        }
        Ok(())
    }

    async fn may_replace(&mut self, step: &Step, meta: &Metadata, there: &Metadata) -> bool {
        let real = self.fs.stat(&step.to).await.ok();
        if real.is_some_and(|meta| meta.file_type.is_dir()) {
            let message = format!("cannot overwrite directory '{}' with non-directory", step.destination);
            self.report.fail(&message);
            return false;
        }
        if step.from == step.to {
            let (source, destination) = (&step.source, &step.destination);
            self.report.fail(&format!("'{source}' and '{destination}' are the same file"));
            return false;
        }
        let go_on = match self.config.existing {
            Existing::Overwrite => true,
            Existing::Keep => false,
            Existing::Update => meta.modified > there.modified,
            Existing::Ask => {
                let question = format!("overwrite '{}'", step.destination);
                self.answers.yes(&question, &mut self.report)
            }
        };
        if go_on && let Some(suffix) = &self.config.backup {
            let mut backup = step.to.clone().into_os_string();
            backup.push(suffix);
            let _ = self.fs.rename(&step.to, Path::new(&backup)).await;
        }
        go_on
    }

    fn tell(&mut self, step: &Step) {
        let line = format!("'{}' -> '{}'", step.source, step.destination);
        self.report.say(&line);
    }
}

/// Copies a tree with its modes and times: `mv` between file systems.
pub(super) async fn archive(fs: &dyn FileSystem, from: &Path, to: &Path) -> Result<(), String> {
    let config = Config {
        recursive: true,
        follow: false,
        follow_operands: false,
        existing: Existing::Overwrite,
        kind: Kind::Content,
        preserve_mode: true,
        preserve_times: true,
        verbose: false,
        backup: None,
    };
    let mut copy = Copy {
        fs,
        config: &config,
        answers: Answers { lines: Vec::new().into_iter() },
        report: Report::new("mv"),
        copied: 0,
    };
    let name = |path: &Path| base_name(&path.to_string_lossy()).to_string();
    copy.operand(name(from), from.to_path_buf(), name(to), to.to_path_buf()).await;
    if copy.report.status == 0 { Ok(()) } else { Err(copy.report.err) }
}
