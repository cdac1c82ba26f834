//! `zip`: puts files into a zip archive.

use std::path::PathBuf;

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, Metadata, async_trait};
use chrono::TimeDelta;

use super::super::super::clock;
use super::super::super::files::{read_file, reason, resolve};
use super::super::super::options::{LONG, Opt, flag, parse as parse_options, value};
use super::format::{Member, decode, encode};
use super::matches;

/// Exit statuses of Info-ZIP.
const BROKEN: i32 = 3;
const NOTHING_TO_DO: i32 = 12;
const CANNOT_WRITE: i32 = 15;
const BAD_ARGUMENTS: i32 = 16;
const SOME_MISSING: i32 = 18;
/// Files and directories that one archive takes; more need the 64-bit format.
const MAX_MEMBERS: usize = 65_535;

const OPTIONS: &[Opt] = &[
    flag('0', "-0"),
    flag('1', "-1"),
    flag('2', "-2"),
    flag('3', "-3"),
    flag('4', "-4"),
    flag('5', "-5"),
    flag('6', "-6"),
    flag('7', "-7"),
    flag('8', "-8"),
    flag('9', "-9"),
    flag('@', "names-stdin"),
    flag('d', "delete"),
    flag('D', "no-dir-entries"),
    flag('f', "freshen"),
    flag('j', "junk-paths"),
    flag('m', "move"),
    flag('o', "latest-time"),
    flag('q', "quiet"),
    flag('r', "recurse-paths"),
    flag('R', "recurse-patterns"),
    flag('T', "test"),
    flag('u', "update"),
    flag('v', "verbose"),
    flag('X', "strip-extra"),
    flag('y', "symlinks"),
    value('b', "temp-path"),
    value('n', "suffixes"),
    value(LONG, "out"),
];

/// The `zip` command.
pub(in super::super::super) struct Zip;

struct Config {
    archive: String,
    names: Vec<String>,
    include: Vec<String>,
    exclude: Vec<String>,
    level: u32,
    delete: bool,
    directories: bool,
    /// Only what is in the archive already.
    freshen: bool,
    /// Only what is newer than in the archive.
    update: bool,
    junk_paths: bool,
    remove: bool,
    quiet: bool,
    recurse: bool,
    links: bool,
    names_stdin: bool,
}

/// Times in an archive are that far apart.
const STAMP_STEP: TimeDelta = TimeDelta::seconds(2);

#[async_trait]
impl Builtin for Zip {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let mut config = match read(ctx.args) {
            Ok(config) => config,
            Err(message) => return Ok(fail(BAD_ARGUMENTS, "Invalid command arguments", &message)),
        };
        if config.names_stdin {
            config.names.extend(ctx.stdin_text_lossy().unwrap_or_default().lines().map(String::from));
        }
        let mut run = Run { ctx: &ctx, config: &config, said: String::new(), warned: String::new(), missing: false };
        Ok(run.all().await)
    }
}

fn read(args: &[String]) -> Result<Config, String> {
    let (args, include, exclude) = patterns(args);
    let parsed = parse_options(OPTIONS, &args)?;
    let mut operands = parsed.operands.into_iter();
    let mut archive = operands.next().ok_or("cannot write zip file to terminal")?;
    if archive != "-" && !archive.rsplit('/').next().unwrap_or_default().contains('.') {
        archive.push_str(".zip");
    }
    let mut config = Config {
        archive,
        names: operands.collect(),
        include,
        exclude,
        level: 6,
        delete: false,
        directories: true,
        freshen: false,
        update: false,
        junk_paths: false,
        remove: false,
        quiet: false,
        recurse: false,
        links: false,
        names_stdin: false,
    };
    for (name, _) in parsed.options {
        match name {
            "delete" => config.delete = true,
            "no-dir-entries" => config.directories = false,
            "freshen" => config.freshen = true,
            "update" => config.update = true,
            "junk-paths" => config.junk_paths = true,
            "move" => config.remove = true,
            "quiet" => config.quiet = true,
            "recurse-paths" => config.recurse = true,
            "recurse-patterns" => return Err("-R is not supported; use find and -@".into()),
            "symlinks" => config.links = true,
            "names-stdin" => config.names_stdin = true,
            digit => config.level = digit.strip_prefix('-').and_then(|d| d.parse().ok()).unwrap_or(config.level),
        }
    }
    Ok(config)
}

/// Takes out `-x` and `-i`, whose patterns go on until the next option or `@`.
fn patterns(args: &[String]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut rest, mut include, mut exclude) = (Vec::new(), Vec::new(), Vec::new());
    let mut list = None;
    for arg in args {
        match (arg.as_str(), list) {
            ("-i" | "--include", _) => list = Some('i'),
            ("-x" | "--exclude", _) => list = Some('x'),
            ("@", Some(_)) => list = None,
            (word, _) if word.starts_with('-') && word.len() > 1 => {
                list = None;
                rest.push(arg.clone());
            }
            (_, Some('i')) => include.push(arg.clone()),
            (_, Some(_)) => exclude.push(arg.clone()),
            (_, None) => rest.push(arg.clone()),
        }
    }
    (rest, include, exclude)
}

/// A file on its way into the archive.
struct Source {
    name: String,
    path: PathBuf,
    meta: Metadata,
}

struct Run<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: &'a Config,
    said: String,
    warned: String,
    missing: bool,
}

impl Run<'_, '_> {
    async fn all(&mut self) -> ExecResult {
        let (ctx, config) = (self.ctx, self.config);
        let path = resolve(ctx.cwd, &config.archive);
        let mut members = Vec::new();
        let exists = config.archive != "-" && ctx.fs.stat(&path).await.is_ok();
        if exists {
            let bytes = read_file(&*ctx.fs, &path).await;
            match bytes.as_deref().map(decode) {
                Ok(Some(read)) => members = read,
                Ok(None) => {
                    return fail(BROKEN, "Zip file structure invalid", &format!("({})", config.archive));
                }
                Err(why) => return fail(CANNOT_WRITE, why, &format!("({})", config.archive)),
            }
        }
        let mut taken = Vec::new();
        let changed = if config.delete { self.delete(&mut members) } else { self.add(&mut members, &mut taken).await };
        if !changed {
            if config.freshen || config.update {
                return self.result(Vec::new(), 0);
            }
            self.warned.push_str(&format!("\nzip error: Nothing to do! ({})\n", config.archive));
            return self.result(Vec::new(), NOTHING_TO_DO);
        }
        if members.len() > MAX_MEMBERS {
            return fail(BAD_ARGUMENTS, "Too many files", &format!("(more than {MAX_MEMBERS})"));
        }
        let bytes = encode(&members);
        let status = if self.missing { SOME_MISSING } else { 0 };
        if config.archive == "-" {
            return self.result(bytes, status);
        }
        if let Err(error) = ctx.fs.write_file(&path, &bytes).await {
            return fail(
                CANNOT_WRITE,
                "Could not create output file",
                &format!("({}: {})", config.archive, reason(&error)),
            );
        }
        if config.remove {
            for path in taken.iter().rev() {
                // A directory goes only if everything in it did.
                let _ = ctx.fs.remove(path, false).await;
            }
        }
        self.result(Vec::new(), status)
    }

    fn result(&mut self, bytes: Vec<u8>, exit_code: i32) -> ExecResult {
        let said = if self.config.quiet { String::new() } else { std::mem::take(&mut self.said) };
        let warned = std::mem::take(&mut self.warned);
        let (stdout, stderr) =
            if self.config.archive == "-" { (bytes.into(), format!("{said}{warned}")) } else { (said.into(), warned) };
        ExecResult { stdout, stderr: stderr.into(), exit_code, ..Default::default() }
    }

    fn delete(&mut self, members: &mut Vec<Member>) -> bool {
        let before = members.len();
        for name in &self.config.names {
            if !members.iter().any(|member| matches(std::slice::from_ref(name), &member.name)) {
                self.warned.push_str(&format!("\tzip warning: name not matched: {name}\n"));
            }
        }
        members.retain(|member| {
            let goes = matches(&self.config.names, &member.name);
            if goes {
                self.said.push_str(&format!("deleting: {}\n", member.name));
            }
            !goes
        });
        members.len() < before
    }

    /// Adds and replaces members; whether there was anything to do.
    async fn add(&mut self, members: &mut Vec<Member>, taken: &mut Vec<PathBuf>) -> bool {
        let zone = clock::zone(self.ctx.env);
        let mut changed = false;
        for source in self.sources().await {
            let old = members.iter().position(|member| member.name == source.name);
            let time = zone.at(source.meta.modified.into());
            let newer = |at: usize| time.naive_local() - members[at].modified() >= STAMP_STEP;
            if (self.config.freshen && old.is_none())
                || ((self.config.freshen || self.config.update) && old.is_some_and(|at| !newer(at)))
            {
                continue;
            }
            let is_link = source.meta.file_type == FileType::Symlink;
            let data = match source.meta.file_type {
                FileType::Directory => Ok(Vec::new()),
                FileType::Symlink => match self.ctx.fs.read_link(&source.path).await {
                    Ok(target) => Ok(target.to_string_lossy().into_owned().into_bytes()),
                    Err(error) => Err(reason(&error)),
                },
                _ => read_file(&*self.ctx.fs, &source.path).await,
            };
            let packed = data.and_then(|data| {
                let name = source.name.clone();
                Member::pack(name, &data, source.meta.mode, is_link, time, self.config.level).map_err(String::from)
            });
            let member = match packed {
                Ok(member) => member,
                Err(why) => {
                    self.warned
                        .push_str(&format!("\tzip warning: could not open for reading: {} ({why})\n", source.name));
                    self.missing = true;
                    continue;
                }
            };
            let how = if member.is_stored() { "stored" } else { "deflated" };
            let verb = if old.is_some() { "updating:" } else { "  adding:" };
            self.said.push_str(&format!("{verb} {} ({how} {}%)\n", member.name, member.saved()));
            match old {
                Some(at) => members[at] = member,
                None => members.push(member),
            }
            taken.push(source.path);
            changed = true;
        }
        changed
    }

    /// Everything named, and what is below it where asked for.
    async fn sources(&mut self) -> Vec<Source> {
        let (ctx, config) = (self.ctx, self.config);
        let archive = resolve(ctx.cwd, &config.archive);
        let mut sources = Vec::new();
        let mut pending: Vec<(String, PathBuf)> =
            config.names.iter().rev().map(|name| (name.clone(), resolve(ctx.cwd, name))).collect();
        while let Some((name, path)) = pending.pop() {
            let meta = if config.links { ctx.fs.lstat(&path).await } else { ctx.fs.stat(&path).await };
            let Ok(meta) = meta else {
                self.warned.push_str(&format!("\tzip warning: name not matched: {name}\n"));
                continue;
            };
            let is_directory = meta.file_type == FileType::Directory;
            let bare = name.trim_end_matches('/');
            if is_directory && config.recurse {
                let mut entries = ctx.fs.read_dir(&path).await.unwrap_or_default();
                entries.sort_by(|a, b| b.name.cmp(&a.name));
                pending
                    .extend(entries.into_iter().map(|entry| (format!("{bare}/{}", entry.name), path.join(entry.name))));
            }
            let mut stored = bare.trim_start_matches('/');
            while let Some(rest) = stored.strip_prefix("./").or_else(|| stored.strip_prefix("../")) {
                stored = rest;
            }
            if config.junk_paths {
                stored = stored.rsplit('/').next().unwrap_or(stored);
            }
            let stored = format!("{stored}{}", if is_directory { "/" } else { "" });
            let skipped = is_directory && (config.junk_paths || !config.directories);
            let unwanted =
                (!config.include.is_empty() && !matches(&config.include, &stored)) || matches(&config.exclude, &stored);
            if skipped || unwanted || path == archive || matches!(stored.as_str(), "" | "/" | "./" | "../") {
                continue;
            }
            sources.push(Source { name: stored, path, meta });
            if sources.len() > MAX_MEMBERS {
                break;
            }
        }
        sources
    }
}

fn fail(status: i32, error: &str, detail: &str) -> ExecResult {
    ExecResult::err(format!("\nzip error: {error} {detail}\n"), status)
}
