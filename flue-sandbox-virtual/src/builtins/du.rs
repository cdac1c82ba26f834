//! `du`: sizes in the blocks a file system would use, or in bytes.

use std::path::PathBuf;

use bashkit::{Builtin, BuiltinContext, ExecResult, FileType, async_trait};

use super::files::{reason, resolve};
use super::glob;
use super::ls::config::Sizes;
use super::ls::entry::directory_size;
use super::ls::format::size_text;
use super::options::{LONG, Opt, flag, optional, parse, usage_error, value};

/// The `du` command.
pub(super) struct Du;

/// Files one command measures before it gives up.
const MAX_FILES: usize = 1_000_000;
/// Files take whole pages.
const PAGE: u64 = 4096;
const KIB: u64 = 1024;

const OPTIONS: &[Opt] = &[
    flag('0', "null"),
    flag('a', "all"),
    flag(LONG, "apparent-size"),
    value('B', "block-size"),
    flag('b', "bytes"),
    flag('c', "total"),
    flag('D', "dereference-args"),
    value('d', "max-depth"),
    flag('H', "-H"),
    flag('h', "human-readable"),
    flag('k', "-k"),
    flag('L', "dereference"),
    flag('l', "count-links"),
    flag('m', "-m"),
    flag('P', "no-dereference"),
    flag('S', "separate-dirs"),
    flag(LONG, "si"),
    flag('s', "summarize"),
    value('t', "threshold"),
    optional(LONG, "time"),
    value('X', "exclude-from"),
    value(LONG, "exclude"),
    flag('x', "one-file-system"),
    flag(LONG, "help"),
    flag(LONG, "version"),
];

struct Config {
    all: bool,
    apparent: bool,
    total: bool,
    separate: bool,
    max_depth: usize,
    block: u64,
    sizes: Sizes,
    /// `--block-size=K` prints `8K`.
    suffix: String,
    exclude: Vec<String>,
    terminator: char,
}

#[async_trait]
impl Builtin for Du {
    async fn execute(&self, ctx: BuiltinContext<'_>) -> bashkit::Result<ExecResult> {
        let parsed = match parse(OPTIONS, ctx.args) {
            Ok(parsed) => parsed,
            Err(message) => return Ok(usage_error("du", &message, 1)),
        };
        let config = match configure(parsed.options) {
            Ok(config) => config,
            Err(message) => return Ok(usage_error("du", &message, 1)),
        };
        let mut operands = parsed.operands;
        if operands.is_empty() {
            operands.push(".".into());
        }
        let mut measure = Measure { ctx: &ctx, config, out: String::new(), err: String::new(), counted: Vec::new() };
        let mut total = 0;
        for operand in operands {
            let path = resolve(ctx.cwd, &operand);
            // What was counted below an earlier operand is not counted again.
            if measure.counted.iter().any(|seen| path.starts_with(seen)) {
                continue;
            }
            total += measure.operand(operand, path.clone()).await;
            measure.counted.push(path);
        }
        if measure.config.total {
            measure.line(total, "total");
        }
        Ok(ExecResult {
            exit_code: i32::from(!measure.err.is_empty()),
            stdout: measure.out.into(),
            stderr: measure.err.into(),
            ..Default::default()
        })
    }
}

fn configure(options: Vec<(&'static str, Option<String>)>) -> Result<Config, String> {
    let mut config = Config {
        all: false,
        apparent: false,
        total: false,
        separate: false,
        max_depth: usize::MAX,
        block: KIB,
        sizes: Sizes::Bytes,
        suffix: String::new(),
        exclude: Vec::new(),
        terminator: '\n',
    };
    for (name, text) in options {
        let text = text.unwrap_or_default();
        match name {
            "null" => config.terminator = '\0',
            "all" => config.all = true,
            "apparent-size" => config.apparent = true,
            "bytes" => (config.apparent, config.block) = (true, 1),
            "total" => config.total = true,
            "human-readable" => config.sizes = Sizes::Human,
            "si" => config.sizes = Sizes::Si,
            "-k" => config.block = KIB,
            "-m" => config.block = KIB * KIB,
            "separate-dirs" => config.separate = true,
            "summarize" => config.max_depth = 0,
            "exclude" => config.exclude.push(text),
            "max-depth" => {
                config.max_depth = text.parse().map_err(|_| format!("invalid maximum depth '{text}'"))?;
            }
            "block-size" => {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit = &text[digits.len()..];
                let factor = match unit {
                    "" | "B" => 1,
                    "K" | "KiB" => KIB,
                    "M" | "MiB" => KIB * KIB,
                    "G" | "GiB" => KIB * KIB * KIB,
                    "KB" => 1000,
                    "MB" => 1_000_000,
                    _ => return Err(format!("invalid --block-size argument '{text}'")),
                };
                if digits.is_empty() {
                    config.suffix = unit.to_string();
                }
                let count = if digits.is_empty() { Some(1) } else { digits.parse::<u64>().ok() };
                config.block = count
                    .and_then(|count| count.checked_mul(factor))
                    .filter(|block| *block > 0)
                    .ok_or_else(|| format!("invalid --block-size argument '{text}'"))?;
            }
            _ => {}
        }
    }
    Ok(config)
}

struct Measure<'a, 'c> {
    ctx: &'a BuiltinContext<'c>,
    config: Config,
    out: String,
    err: String,
    counted: Vec<PathBuf>,
}

/// Something to measure; a directory comes back when its inside is known.
enum Step {
    Visit { name: String, path: PathBuf, depth: usize },
    Leave { name: String, depth: usize, own: u64 },
}

impl Measure<'_, '_> {
    async fn operand(&mut self, name: String, path: PathBuf) -> u64 {
        let mut todo = vec![Step::Visit { name, path, depth: 0 }];
        // Bytes found so far in each open directory and in those below it.
        let mut open: Vec<(u64, u64)> = vec![(0, 0)];
        let mut seen = 0;
        while let Some(step) = todo.pop() {
            seen += 1;
            if seen > MAX_FILES {
                self.err.push_str("du: too many files to measure\n");
                break;
            }
            match step {
                Step::Visit { path, depth, .. } if depth > 0 && self.counted.contains(&path) => {}
                Step::Visit { name, path, depth } => {
                    let meta = match self.ctx.fs.lstat(&path).await {
                        Ok(meta) => meta,
                        Err(error) => {
                            let why = reason(&error);
                            self.err.push_str(&format!("du: cannot access '{name}': {why}\n"));
                            continue;
                        }
                    };
                    let own = self.size(meta.file_type, meta.size);
                    if meta.file_type != FileType::Directory {
                        if let Some((here, _)) = open.last_mut() {
                            *here += own;
                        }
                        if (self.config.all || depth == 0) && depth <= self.config.max_depth {
                            self.line(own, &name);
                        }
                        continue;
                    }
                    let inside = match self.ctx.fs.read_dir(&path).await {
                        Ok(inside) => inside,
                        Err(error) => {
                            let why = reason(&error);
                            let line = format!("du: cannot read directory '{name}': {why}\n");
                            self.err.push_str(&line);
                            Vec::new()
                        }
                    };
                    let own = if self.config.apparent { directory_size(inside.len()) } else { 0 };
                    open.push((0, 0));
                    todo.push(Step::Leave { name: name.clone(), depth, own });
                    for entry in inside.into_iter().rev() {
                        let excluded = |glob: &String| glob::matches(glob, &entry.name);
                        if !self.config.exclude.iter().any(excluded) {
                            todo.push(Step::Visit {
                                name: format!("{}/{}", name.trim_end_matches('/'), entry.name),
                                path: path.join(&entry.name),
                                depth: depth + 1,
                            });
                        }
                    }
                }
                Step::Leave { name, depth, own } => {
                    let (here, below) = open.pop().unwrap_or_default();
                    let all = own + here + below;
                    if let Some((_, below)) = open.last_mut() {
                        *below += all;
                    }
                    if depth <= self.config.max_depth {
                        self.line(if self.config.separate { own + here } else { all }, &name);
                    }
                }
            }
        }
        open.first().map_or(0, |(here, below)| here + below)
    }

    fn size(&self, kind: FileType, bytes: u64) -> u64 {
        match (kind, self.config.apparent) {
            (FileType::File, true) => bytes,
            (FileType::File, false) => bytes.div_ceil(PAGE) * PAGE,
            _ => 0,
        }
    }

    fn line(&mut self, bytes: u64, name: &str) {
        let config = &self.config;
        let size = match config.sizes {
            Sizes::Bytes => format!("{}{}", bytes.div_ceil(config.block), config.suffix),
            sizes => size_text(bytes, sizes),
        };
        self.out.push_str(&format!("{size}\t{name}{}", config.terminator));
    }
}
