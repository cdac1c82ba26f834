//! `unzip`: takes files out of a zip archive, or lists it.

use std::path::Path;
use std::time::SystemTime;

use bashkit::{Builtin, BuiltinContext, ExecResult, async_trait};

use super::super::super::clock;
use super::super::super::files::{read_file, reason, resolve};
use super::super::super::options::{Opt, flag, parse as parse_options, value};
use super::format::{Member, decode};
use super::matches;

/// Exit statuses of Info-ZIP.
const WARNING: i32 = 1;
const ERROR: i32 = 2;
const NO_ARCHIVE: i32 = 9;
const BAD_ARGUMENTS: i32 = 10;
const NOT_MATCHED: i32 = 11;
/// Widest that the name in an `extracting:` line is filled up to.
const NAME_WIDTH: usize = 22;

const OPTIONS: &[Opt] = &[
    flag('a', "-a"),
    flag('b', "-b"),
    flag('B', "-B"),
    flag('C', "-C"),
    value('d', "-d"),
    flag('f', "-f"),
    flag('j', "-j"),
    flag('l', "-l"),
    flag('L', "-L"),
    flag('n', "-n"),
    flag('o', "-o"),
    flag('p', "-p"),
    flag('q', "-q"),
    flag('t', "-t"),
    flag('u', "-u"),
    flag('v', "-v"),
    flag('X', "-X"),
    flag('Z', "-Z"),
    flag('1', "-1"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Extract,
    Print,
    Test,
    List,
    /// With sizes and checksums.
    ListAll,
    Names,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Ask,
    Replace,
    Keep,
}

/// The `unzip` command.
pub(in super::super::super) struct Unzip;

struct Config {
    action: Action,
    archive: String,
    directory: String,
    names: Vec<String>,
    exclude: Vec<String>,
    existing: Existing,
    /// Only files that are older, and with `freshen` only those that exist.
    update: bool,
    freshen: bool,
    junk_paths: bool,
    quiet: usize,
}

#[async_trait]
impl Builtin for Unzip {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let config = match read(ctx.args) {
            Ok(config) => config,
            Err(message) => return Ok(ExecResult::err(format!("unzip:  {message}\n"), BAD_ARGUMENTS)),
        };
        let mut bytes = Err(String::new());
        for name in [config.archive.clone(), format!("{}.zip", config.archive)] {
            if bytes.is_err() {
                bytes = read_file(&*ctx.fs, &resolve(ctx.cwd, &name)).await;
            }
        }
        let Ok(bytes) = bytes else {
            let name = &config.archive;
            let message = format!("unzip:  cannot find or open {name}, {name}.zip or {name}.ZIP.\n");
            return Ok(ExecResult::err(message, NO_ARCHIVE));
        };
        let Some(members) = decode(&bytes) else {
            let message = format!("[{}]\n  End-of-central-directory signature not found.\n", config.archive);
            return Ok(ExecResult::err(message, NO_ARCHIVE));
        };
        let mut run = Run { ctx: &ctx, config: &config, out: Vec::new(), err: String::new(), status: 0 };
        run.all(&members).await;
        Ok(ExecResult { stdout: run.out.into(), stderr: run.err.into(), exit_code: run.status, ..Default::default() })
    }
}

fn read(args: &[String]) -> Result<Config, String> {
    // Everything behind `-x` is a pattern, until `-d`.
    let (mut rest, mut exclude) = (Vec::new(), Vec::new());
    let mut excluding = false;
    for arg in args {
        match arg.as_str() {
            "-x" => excluding = true,
            word if excluding && !word.starts_with('-') => exclude.push(arg.clone()),
            _ => {
                excluding = false;
                rest.push(arg.clone());
            }
        }
    }
    let parsed = parse_options(OPTIONS, &rest)?;
    let mut operands = parsed.operands.into_iter();
    let mut config = Config {
        action: Action::Extract,
        archive: operands.next().ok_or("no archive named")?,
        directory: ".".into(),
        names: operands.collect(),
        exclude,
        existing: Existing::Ask,
        update: false,
        freshen: false,
        junk_paths: false,
        quiet: 0,
    };
    for (name, text) in parsed.options {
        match name {
            "-d" => config.directory = text.unwrap_or_default(),
            "-f" => (config.update, config.freshen) = (true, true),
            "-j" => config.junk_paths = true,
            "-l" => config.action = Action::List,
            "-n" => config.existing = Existing::Keep,
            "-o" => config.existing = Existing::Replace,
            "-p" => config.action = Action::Print,
            "-q" => config.quiet += 1,
            "-t" => config.action = Action::Test,
            "-u" => config.update = true,
            "-v" => config.action = Action::ListAll,
            "-Z" | "-1" => config.action = Action::Names,
            _ => {}
        }
    }
    Ok(config)
}

struct Run<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: &'a Config,
    out: Vec<u8>,
    err: String,
    status: i32,
}

impl Run<'_, '_> {
    async fn all(&mut self, members: &[Member]) {
        let config = self.config;
        let chosen: Vec<&Member> = members
            .iter()
            .filter(|member| config.names.is_empty() || matches(&config.names, &member.name))
            .filter(|member| !matches(&config.exclude, &member.name))
            .collect();
        let silent = matches!(config.action, Action::Print | Action::Names);
        if !silent && config.quiet == 0 {
            self.say(&format!("Archive:  {}\n", config.archive));
        }
        match config.action {
            Action::List | Action::ListAll => self.list(&chosen),
            Action::Names => chosen.iter().for_each(|member| self.say(&format!("{}\n", member.name))),
            Action::Test => self.test(&chosen),
            Action::Print => chosen.iter().for_each(|member| self.print(member)),
            Action::Extract => {
                for member in &chosen {
                    self.extract(member).await;
                }
            }
        }
        for name in &config.names {
            if !members.iter().any(|member| matches(std::slice::from_ref(name), &member.name)) {
                self.err.push_str(&format!("caution: filename not matched:  {name}\n"));
                self.status = self.status.max(NOT_MATCHED);
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn complain(&mut self, status: i32, message: &str) {
        self.err.push_str(message);
        self.status = self.status.max(status);
    }

    fn list(&mut self, members: &[&Member]) {
        let all = self.config.action == Action::ListAll;
        let quiet = self.config.quiet > 0;
        if !quiet {
            self.say(match all {
                true => concat!(
                    " Length   Method    Size  Cmpr    Date    Time   CRC-32   Name\n",
                    "--------  ------  ------- ---- ---------- ----- --------  ----\n"
                ),
                false => concat!("  Length      Date    Time    Name\n", "---------  ---------- -----   ----\n"),
            });
        }
        let (mut size, mut packed) = (0_u64, 0_u64);
        for member in members {
            let time = member.modified().format("%Y-%m-%d %H:%M");
            size += u64::from(member.size);
            packed += u64::from(member.packed_size());
            if all {
                let method = if member.is_stored() { "Stored" } else { "Defl:N" };
                self.say(&format!(
                    "{:>8}  {method} {:>8} {:>3}% {time} {:08x}  {}\n",
                    member.size,
                    member.packed_size(),
                    member.saved(),
                    member.crc(),
                    member.name
                ));
            } else {
                self.say(&format!("{:>9}  {time}   {}\n", member.size, member.name));
            }
        }
        if quiet {
            return;
        }
        let files = format!("{} file{}", members.len(), if members.len() == 1 { "" } else { "s" });
        if all {
            let saved = if size == 0 { 0.0 } else { 100.0 * (size as f64 - packed as f64) / size as f64 };
            self.say("--------          -------  ---                            -------\n");
            self.say(&format!("{size:>8}         {packed:>8} {saved:>3.0}%                            {files}\n"));
        } else {
            self.say(&format!("---------                     -------\n{size:>9}                     {files}\n"));
        }
    }

    fn test(&mut self, members: &[&Member]) {
        let mut bad = 0;
        for member in members {
            let found = match member.unpack() {
                Ok(_) => "OK".to_string(),
                Err(why) => {
                    bad += 1;
                    why
                }
            };
            if self.config.quiet == 0 || found != "OK" {
                self.say(&format!("    testing: {:<NAME_WIDTH$}   {found}\n", member.name));
            }
        }
        let archive = &self.config.archive;
        if bad > 0 {
            self.status = ERROR;
            self.say(&format!("At least one error was detected in {archive}.\n"));
        } else if self.config.quiet < 2 {
            self.say(&format!("No errors detected in compressed data of {archive}.\n"));
        }
    }

    fn print(&mut self, member: &Member) {
        match member.unpack() {
            Ok(data) => self.out.extend_from_slice(&data),
            Err(why) => self.complain(ERROR, &format!("  error:  {} ({why})\n", member.name)),
        }
    }

    async fn extract(&mut self, member: &Member) {
        let (ctx, config) = (self.ctx, self.config);
        let mut name = member.name.trim_start_matches('/');
        while let Some(at) = name.find("../").filter(|&at| at == 0 || name[..at].ends_with('/')) {
            self.complain(WARNING, &format!("warning:  skipped \"../\" path component(s) in {}\n", member.name));
            name = &name[at + 3..];
        }
        if config.junk_paths {
            name = name.rsplit('/').next().unwrap_or(name);
        }
        if name.is_empty() {
            return;
        }
        let shown = match &*config.directory {
            "." => name.to_string(),
            directory => format!("{}/{name}", directory.trim_end_matches('/')),
        };
        let path = resolve(ctx.cwd, &shown);
        let old = ctx.fs.stat(&path).await.ok();
        let time = clock::zone(ctx.env).moment(member.modified()).map_or(SystemTime::UNIX_EPOCH, SystemTime::from);
        if member.is_directory() {
            if old.is_none() && !config.freshen {
                self.note("   creating", &shown);
                if let Err(error) = ctx.fs.mkdir(&path, true).await {
                    self.complain(ERROR, &format!("checkdir error:  cannot create {shown}: {}\n", reason(&error)));
                }
            }
            return;
        }
        match &old {
            None if config.freshen => return,
            Some(old) if config.update && old.modified >= time => return,
            Some(_) if config.existing == Existing::Keep => return,
            Some(_) if config.existing == Existing::Ask && !config.update => {
                let message = format!("replace {shown}? nobody to ask; use -o to replace it or -n to keep it\n");
                return self.complain(WARNING, &message);
            }
            _ => {}
        }
        let data = match member.unpack() {
            Ok(data) => data,
            Err(why) => return self.complain(ERROR, &format!("  error:  {shown} ({why})\n")),
        };
        let verb = match (member.is_link(), member.is_stored()) {
            (true, _) => "    linking",
            (_, true) => " extracting",
            _ => "  inflating",
        };
        self.note(verb, &shown);
        if let Err(why) = self.write(member, &path, &data).await {
            return self.complain(ERROR, &format!("error:  cannot create {shown}: {why}\n"));
        }
        if !member.is_link() {
            // Modes and times are a courtesy.
            if let Some(mode) = member.mode() {
                let _ = ctx.fs.chmod(&path, mode).await;
            }
            let _ = ctx.fs.set_modified_time(&path, time).await;
        }
    }

    async fn write(&self, member: &Member, path: &Path, data: &[u8]) -> Result<(), String> {
        let fs = &self.ctx.fs;
        let made = async {
            if let Some(parent) = path.parent() {
                fs.mkdir(parent, true).await?;
            }
            if member.is_link() {
                let target = String::from_utf8_lossy(data).into_owned();
                return fs.symlink(Path::new(&target), path).await;
            }
            fs.write_file(path, data).await
        };
        made.await.map_err(|error| reason(&error))
    }

    /// Says what is done with a file.
    fn note(&mut self, verb: &str, shown: &str) {
        if self.config.quiet == 0 {
            let line = match verb.trim_start() {
                "creating" => format!("{verb}: {shown}\n"),
                _ => format!("{verb}: {shown:<NAME_WIDTH$}  \n"),
            };
            self.say(&line);
        }
    }
}
