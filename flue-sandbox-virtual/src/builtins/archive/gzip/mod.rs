//! `gzip`, `gunzip` and `zcat`.

mod config;

use std::io::Write;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bashkit::{Command, CommandContext, CommandStatus, FileType, Metadata, async_trait};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use self::config::{Action, Config};
use super::super::files::{read_file, reason, resolve};
use super::super::streaming::{Input, usage_error};
use super::sink::Sink;
use super::unpack::{Unpacker, is_packed};

/// Packed bytes held at most; unpacked ones are not held.
const MAX_PACKED_BYTES: usize = 256 << 20;
/// Bytes unpacked at a time.
const STEP_BYTES: usize = 64 * 1024;
/// Directories that `-r` descends into at most.
const MAX_DIRECTORIES: usize = 100_000;
/// Header and trailer of packed data, without the name in it (RFC 1952).
const FRAME_BYTES: u64 = 18;
/// The flag of a header with a name in it, and where the name then starts.
const HAS_NAME: u8 = 8;
const NAME_AT: usize = 10;

/// Exit status of a file that was left as it is.
const WARNING: i32 = 2;
const ERROR: i32 = 1;

/// The commands `gzip`, `gunzip` and `zcat`.
pub(in super::super) struct Gzip;

#[async_trait]
impl Command for Gzip {
    async fn execute(&self, ctx: CommandContext<'_>) -> bashkit::Result<CommandStatus> {
        let config = match config::read(ctx.name, ctx.args) {
            Ok(config) => config,
            Err(message) => return usage_error(&ctx, &message, ERROR).await,
        };
        let mut run = Run { ctx: &ctx, config: &config, status: 0, listed: Vec::new() };
        run.all().await?;
        if config.action == Action::List {
            let status = run.status;
            let table = list(&run.listed);
            ctx.stdout.write_all(table.as_bytes()).await?;
            return Ok(CommandStatus::with_code(status));
        }
        Ok(CommandStatus::with_code(run.status))
    }
}

struct Run<'a, 'c> {
    ctx: &'a CommandContext<'c>,
    config: &'a Config,
    status: i32,
    /// Packed size, unpacked size, frame size and name of what is listed.
    listed: Vec<(u64, u64, u64, String)>,
}

impl Run<'_, '_> {
    async fn all(&mut self) -> bashkit::Result<()> {
        let mut operands: Vec<String> = self.config.operands.iter().rev().cloned().collect();
        let mut directories = 0;
        while let Some(operand) = operands.pop() {
            if operand == "-" {
                self.stdin().await?;
                continue;
            }
            let Some((name, meta)) = self.find(&operand).await? else { continue };
            if meta.file_type != FileType::Directory {
                self.file(&name, &meta).await?;
                continue;
            }
            directories += 1;
            if !self.config.recursive || directories > MAX_DIRECTORIES {
                self.complain(WARNING, &format!("{operand} is a directory -- ignored")).await?;
                continue;
            }
            let entries = self.ctx.fs.read_dir(&resolve(self.ctx.cwd, &operand)).await.unwrap_or_default();
            let mut names: Vec<String> =
                entries.into_iter().map(|entry| format!("{}/{}", operand.trim_end_matches('/'), entry.name)).collect();
            names.sort_by(|a, b| b.cmp(a));
            operands.append(&mut names);
        }
        Ok(())
    }

    /// The file an operand names; to unpack, its suffix may be left out.
    async fn find(&mut self, operand: &str) -> bashkit::Result<Option<(String, Metadata)>> {
        let (fs, cwd) = (&self.ctx.fs, self.ctx.cwd);
        let error = match fs.stat(&resolve(cwd, operand)).await {
            Ok(meta) => return Ok(Some((operand.to_string(), meta))),
            Err(error) => error,
        };
        let mut name = operand.to_string();
        if self.config.action != Action::Pack && !operand.ends_with(&self.config.suffix) {
            name.push_str(&self.config.suffix);
            if let Ok(meta) = fs.stat(&resolve(cwd, &name)).await {
                return Ok(Some((name, meta)));
            }
        }
        self.complain(ERROR, &format!("{name}: {}", reason(&error))).await?;
        Ok(None)
    }

    async fn stdin(&mut self) -> bashkit::Result<()> {
        let mut input = Input::Stdin(self.ctx.stdin.clone());
        if self.config.action == Action::Pack {
            let mut sink = Sink::stdout(self.ctx);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(self.config.level));
            while let Some(piece) = input.next().await? {
                // Writing to memory does not fail.
                let _ = encoder.write_all(&piece);
                sink.write(encoder.get_ref()).await?;
                encoder.get_mut().clear();
            }
            sink.write(&encoder.finish().unwrap_or_default()).await?;
            return sink.finish().await;
        }
        let mut packed = Vec::new();
        while let Some(piece) = input.next().await? {
            if packed.len() + piece.len() > MAX_PACKED_BYTES {
                return self
                    .complain(ERROR, &format!("stdin: more than {MAX_PACKED_BYTES} bytes of packed data"))
                    .await;
            }
            packed.extend_from_slice(&piece);
        }
        let sink = if self.config.action == Action::Unpack { Sink::stdout(self.ctx) } else { Sink::Nothing };
        self.unpack("stdin", packed, sink).await.map(drop)
    }

    async fn file(&mut self, name: &str, meta: &Metadata) -> bashkit::Result<()> {
        let (ctx, config) = (self.ctx, self.config);
        let target = match (config.action, config.stdout) {
            (Action::Pack, false) if name.ends_with(&config.suffix) && !config.force => {
                let message = format!("{name} already has {} suffix -- unchanged", config.suffix);
                return self.complain(WARNING, &message).await;
            }
            (Action::Pack, false) => Some(format!("{name}{}", config.suffix)),
            (Action::Unpack, false) => match unpacked_name(name, &config.suffix) {
                Some(target) => Some(target),
                None => return self.complain(WARNING, &format!("{name}: unknown suffix -- ignored")).await,
            },
            _ => None,
        };
        let path = resolve(ctx.cwd, name);
        let bytes = match read_file(&*ctx.fs, &path).await {
            Ok(bytes) => bytes,
            Err(why) => return self.complain(ERROR, &format!("{name}: {why}")).await,
        };
        let Some(target) = target else {
            let to_stdout = matches!(config.action, Action::Pack | Action::Unpack);
            let mut sink = if to_stdout { Sink::stdout(ctx) } else { Sink::Nothing };
            if config.action == Action::Pack {
                sink.write(&pack(config, name, meta, &bytes)).await?;
                return sink.finish().await;
            }
            return self.unpack(name, bytes, sink).await.map(drop);
        };
        let target_path = resolve(ctx.cwd, &target);
        if !config.force && ctx.fs.stat(&target_path).await.is_ok() {
            return self.complain(WARNING, &format!("{target} already exists;\tnot overwritten")).await;
        }
        if self.convert(name, meta, bytes, &target_path).await? {
            // Modes and times are a courtesy.
            let _ = ctx.fs.chmod(&target_path, meta.mode).await;
            let _ = ctx.fs.set_modified_time(&target_path, meta.modified).await;
            if config.verbose {
                let done = if config.keep { "created" } else { "replaced with" };
                self.say(&format!("{name}:\t{done} {target}")).await?;
            }
            if !config.keep
                && let Err(error) = ctx.fs.remove(&path, false).await
            {
                self.complain(ERROR, &format!("{name}: {}", reason(&error))).await?;
            }
        }
        Ok(())
    }

    /// Packs or unpacks into a file; whether that worked.
    async fn convert(&mut self, name: &str, meta: &Metadata, bytes: Vec<u8>, target: &Path) -> bashkit::Result<bool> {
        let ctx = self.ctx;
        let written = if self.config.action == Action::Pack {
            ctx.fs.write_file(target, &pack(self.config, name, meta, &bytes)).await.map(|()| true)
        } else {
            match Sink::file(ctx, target.to_path_buf()).await {
                Ok(sink) => self.unpack(name, bytes, sink).await,
                Err(error) => Err(error),
            }
        };
        let done = match written {
            Ok(done) => done,
            Err(error @ bashkit::Error::Io(_)) => {
                self.complain(ERROR, &format!("{name}: {}", reason(&error))).await?;
                false
            }
            Err(error) => return Err(error),
        };
        if !done {
            // Half a file is worse than none.
            let _ = ctx.fs.remove(target, false).await;
        }
        Ok(done)
    }

    /// Unpacks into `sink`; whether that worked.
    async fn unpack(&mut self, name: &str, packed: Vec<u8>, mut sink: Sink<'_>) -> bashkit::Result<bool> {
        if self.config.force && self.config.stdout && !is_packed(&packed) {
            sink.write(&packed).await?;
            sink.finish().await?;
            return Ok(true);
        }
        let (packed_size, frame) = (packed.len() as u64, frame_bytes(&packed));
        let mut unpacker = match Unpacker::new(packed) {
            Ok(unpacker) => unpacker,
            Err(damage) => {
                self.complain(ERROR, &format!("{name}: {}", damage.text())).await?;
                return Ok(false);
            }
        };
        let mut buffer = vec![0; STEP_BYTES];
        let mut unpacked_size = 0;
        loop {
            match unpacker.next(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    unpacked_size += read as u64;
                    sink.write(&buffer[..read]).await?;
                }
                Err(damage) => {
                    sink.finish().await?;
                    self.complain(ERROR, &format!("{name}: {}", damage.text())).await?;
                    return Ok(false);
                }
            }
        }
        sink.finish().await?;
        if unpacker.has_garbage() {
            self.complain(WARNING, &format!("{name}: decompression OK, trailing garbage ignored")).await?;
        }
        match self.config.action {
            Action::List => {
                let shown = unpacked_name(name, &self.config.suffix).unwrap_or_else(|| name.to_string());
                self.listed.push((packed_size, unpacked_size, frame, shown));
            }
            Action::Test if self.config.verbose => self.say(&format!("{name}:\t OK")).await?,
            _ => {}
        }
        Ok(true)
    }

    async fn complain(&mut self, status: i32, message: &str) -> bashkit::Result<()> {
        // An error is worse than a warning, whatever the numbers say.
        self.status = if self.status == ERROR { ERROR } else { status };
        if self.config.quiet && status == WARNING { Ok(()) } else { self.say_as_gzip(message).await }
    }

    async fn say_as_gzip(&self, message: &str) -> bashkit::Result<()> {
        self.say(&format!("gzip: {message}")).await
    }

    async fn say(&self, message: &str) -> bashkit::Result<()> {
        match self.ctx.stderr.write_all(format!("{message}\n").as_bytes()).await {
            Err(bashkit::Error::Io(_)) => Ok(()),
            other => other,
        }
    }
}

fn pack(config: &Config, name: &str, meta: &Metadata, bytes: &[u8]) -> Vec<u8> {
    let time = meta.modified.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let base = name.rsplit('/').next().unwrap_or(name).replace('\0', "");
    let builder = GzBuilder::new().filename(base).mtime(u32::try_from(time).unwrap_or(0));
    let mut encoder = builder.write(Vec::new(), Compression::new(config.level));
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn frame_bytes(packed: &[u8]) -> u64 {
    match packed.get(3) {
        Some(flags) if flags & HAS_NAME != 0 => {
            let name = packed[3..].get(NAME_AT - 3..).unwrap_or_default();
            FRAME_BYTES + name.iter().take_while(|&&byte| byte != 0).count() as u64 + 1
        }
        _ => FRAME_BYTES,
    }
}

/// The name without its suffix; `.tgz` becomes `.tar`.
fn unpacked_name(name: &str, suffix: &str) -> Option<String> {
    let known = [suffix, ".gz", "-gz", ".z", "-z", ".Z"];
    if let Some(stem) = known.into_iter().find_map(|suffix| name.strip_suffix(suffix)) {
        return (!stem.is_empty() && !stem.ends_with('/')).then(|| stem.to_string());
    }
    let stem = [".tgz", ".taz"].into_iter().find_map(|suffix| name.strip_suffix(suffix))?;
    Some(format!("{stem}.tar"))
}

/// The table of `gzip -l`.
fn list(listed: &[(u64, u64, u64, String)]) -> String {
    let mut table = String::from("         compressed        uncompressed  ratio uncompressed_name\n");
    let line = |packed: u64, unpacked: u64, frames: u64, name: &str| {
        let saved = unpacked as f64 - (packed as f64 - frames as f64);
        let ratio = if unpacked == 0 { 0.0 } else { 100.0 * saved / unpacked as f64 };
        format!("{packed:>19} {unpacked:>19} {ratio:>5.1}% {name}\n")
    };
    for (packed, unpacked, frame, name) in listed {
        table.push_str(&line(*packed, *unpacked, *frame, name));
    }
    if listed.len() > 1 {
        let sum = |pick: fn(&(u64, u64, u64, String)) -> u64| listed.iter().map(pick).sum::<u64>();
        table.push_str(&line(sum(|l| l.0), sum(|l| l.1), sum(|l| l.2), "(totals)"));
    }
    table
}
