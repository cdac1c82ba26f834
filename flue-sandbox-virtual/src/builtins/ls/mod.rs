//! `ls`, with the orders, layouts and marks of GNU coreutils.

pub(super) mod config;
pub(super) mod entry;
pub(super) mod format;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, async_trait};

use self::config::{Config, Hidden, Indicator, Layout, Order};
use self::entry::{Entry, sort};
use self::format::Setting;
use super::files::{reason, resolve};
use super::options::usage_error;
use super::{clock, glob, identity};

/// Exit status when an operand could not be read.
const TROUBLE: i32 = 2;
/// Directories one `ls -R` lists before it gives up.
const MAX_DIRECTORIES: usize = 100_000;

/// The `ls` command, and its relatives.
#[derive(Default)]
pub(super) struct Ls {
    /// Options in front of those given.
    options: &'static [&'static str],
}

impl Ls {
    /// `dir`: in columns, with escapes.
    pub(super) fn as_dir() -> Self {
        Self { options: &["-C", "-b"] }
    }

    /// `vdir`: the long form, with escapes.
    pub(super) fn as_vdir() -> Self {
        Self { options: &["-l", "-b"] }
    }
}

#[async_trait]
impl Builtin for Ls {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let args: Vec<String> = self.options.iter().map(ToString::to_string).chain(ctx.args.iter().cloned()).collect();
        let config = match config::read(&args) {
            Ok(config) => config,
            Err(message) => return Ok(usage_error("ls", &message, TROUBLE)),
        };
        let mut lister = Lister {
            setting: Setting { user: identity::user(&ctx), zone: clock::zone(ctx.env), now: SystemTime::now() },
            ctx: &ctx,
            config: &config,
            out: String::new(),
            err: String::new(),
            status: 0,
        };
        lister.run().await;
        Ok(ExecResult {
            stdout: lister.out.into(),
            stderr: lister.err.into(),
            exit_code: lister.status,
            ..Default::default()
        })
    }
}

struct Lister<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: &'a Config,
    setting: Setting,
    out: String,
    err: String,
    status: i32,
}

impl Lister<'_, '_> {
    async fn run(&mut self) {
        let config = self.config;
        let here = [".".to_string()];
        let operands = if config.operands.is_empty() { &here[..] } else { &config.operands };
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for operand in operands {
            match self.operand(operand).await {
                Ok(entry) if entry.is_dir() && !config.directory_itself => directories.push(entry),
                Ok(entry) => files.push(entry),
                Err(why) => {
                    self.complain(operand, &why);
                }
            }
        }
        sort(&mut files, config);
        sort(&mut directories, config);
        format::write(&files, config, &self.setting, &mut self.out);
        let titled = config.recursive || operands.len() > 1;
        let mut todo: Vec<(String, PathBuf)> =
            directories.into_iter().rev().map(|entry| (entry.name, entry.path)).collect();
        let mut listed = 0;
        while let Some((name, path)) = todo.pop() {
            listed += 1;
            if listed > MAX_DIRECTORIES {
                self.complain(&name, "too many directories to list");
                return;
            }
            if titled {
                if !self.out.is_empty() {
                    self.out.push('\n');
                }
                self.out.push_str(&format!("{name}:\n"));
            }
            let inside = self.directory(&name, &path).await;
            if config.recursive {
                todo.extend(inside.into_iter().rev());
            }
        }
    }

    /// Lists one directory; the directories in it, by the names they go by.
    async fn directory(&mut self, name: &str, path: &Path) -> Vec<(String, PathBuf)> {
        let config = self.config;
        let listing = match self.ctx.fs.read_dir(path).await {
            Ok(listing) => listing,
            Err(error) => {
                self.complain_open(name, &reason(&error));
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        if config.hidden == Hidden::All {
            for name in [".", ".."] {
                if let Ok(entry) = self.entry(name, resolve(path, name), false).await {
                    entries.push(entry);
                }
            }
        }
        for item in listing {
            if self.shows(&item.name) {
                let at = path.join(&item.name);
                match self.entry(&item.name, at, config.follow).await {
                    Ok(entry) => entries.push(entry),
                    Err(why) => self.complain(&item.name, &why),
                }
            }
        }
        sort(&mut entries, config);
        if config.layout == Layout::Long || config.blocks {
            format::total(&entries, config, &mut self.out);
        }
        format::write(&entries, config, &self.setting, &mut self.out);
        entries
            .into_iter()
            .filter(|entry| entry.is_dir() && entry.name != "." && entry.name != "..")
            .map(|entry| (format!("{}/{}", name.trim_end_matches('/'), entry.name), entry.path))
            .collect()
    }

    fn shows(&self, name: &str) -> bool {
        let config = self.config;
        let hidden = config.hidden == Hidden::No && name.starts_with('.');
        let backup = config.ignore_backups && name.ends_with('~');
        let ignored = config.ignore.iter().any(|pattern| glob::matches(pattern, name));
        !(hidden || backup || ignored)
    }

    /// An operand; a link to a directory is followed unless its own facts are asked for.
    async fn operand(&self, name: &str) -> Result<Entry, String> {
        let config = self.config;
        let path = resolve(self.ctx.cwd, name);
        let own_facts = config.layout == Layout::Long || config.directory_itself || config.indicator == Indicator::All;
        let follow = config.follow || config.follow_operands || name.ends_with('/');
        let mut entry = self.entry(name, path.clone(), follow).await?;
        if entry.meta.file_type == FileType::Symlink
            && !own_facts
            && let Ok(meta) = self.ctx.fs.stat(&path).await
            && meta.file_type == FileType::Directory
        {
            entry.meta = meta;
        }
        if name.ends_with('/') && !entry.is_dir() {
            return Err("Not a directory".into());
        }
        Ok(entry)
    }

    async fn entry(&self, name: &str, path: PathBuf, follow: bool) -> Result<Entry, String> {
        let fs = &self.ctx.fs;
        let meta = if follow { fs.stat(&path).await } else { fs.lstat(&path).await };
        let meta = meta.map_err(|error| reason(&error))?;
        let target = match meta.file_type {
            FileType::Symlink => match fs.read_link(&path).await {
                Ok(target) => Some((target.to_string_lossy().into_owned(), fs.stat(&path).await.ok())),
                Err(_) => None,
            },
            _ => None,
        };
        let (mut entries, mut subdirectories) = (0, 0);
        let counts = self.config.layout == Layout::Long || self.config.order == Order::Size;
        if counts && meta.file_type == FileType::Directory {
            let inside = fs.read_dir(&path).await.unwrap_or_default();
            entries = inside.len();
            let is_dir = |item: &&bashkit::DirEntry| item.metadata.file_type.is_dir();
            subdirectories = inside.iter().filter(is_dir).count();
        }
        Ok(Entry { name: name.to_string(), path, meta, target, inside: entries, subdirectories })
    }

    fn complain(&mut self, name: &str, why: &str) {
        self.err.push_str(&format!("ls: cannot access '{name}': {why}\n"));
        self.status = TROUBLE;
    }

    fn complain_open(&mut self, name: &str, why: &str) {
        self.err.push_str(&format!("ls: cannot open directory '{name}': {why}\n"));
        self.status = TROUBLE;
    }
}
